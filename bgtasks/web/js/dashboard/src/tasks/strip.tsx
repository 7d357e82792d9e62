/** What ended lately, as a thin strip above the list. Its place is there before the answer is, so that
 * nothing moves while somebody points at the list. */
import { filter, go, range } from "../state/location";
import { useHistory } from "../overview/history";
import type { History } from "../state/answers";

const WIDTH = 600;
const HEIGHT = 34;
const TONES = ["completed", "failed", "cancelled"] as const;

export function Strip({ isReady }: { isReady: boolean }) {
  const { types } = filter.value;
  const type = types.length === 1 ? types[0]! : null;
  const { data } = useHistory(isReady && types.length < 2 ? range.value : null, type);
  return <div class="strip">{data && data.points.length > 0 && <Bars history={data} />}</div>;
}

function Bars({ history: { points, step } }: { history: History }) {
  const top = Math.max(1, ...points.map((point) => (point.completed ?? 0) + (point.failed ?? 0) + (point.cancelled ?? 0)));
  const each = WIDTH / points.length;
  const sum = (tone: (typeof TONES)[number]) => points.reduce((all, point) => all + (point[tone] ?? 0), 0);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Ended in the range: ${sum("completed")} completed, ${sum("failed")} failed, ${sum("cancelled")} cancelled`}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const point = points[Math.floor(((event.clientX - box.left) / box.width) * points.length)];
        if (!point) return;
        const to = new Date(Date.parse(point.at) + step * 1000).toISOString();
        go({ page: "tasks", filter: { ...filter.peek(), ended: { from: point.at, to } } });
      }}
    >
      {points.map((point, index) => {
        let below = HEIGHT;
        if (point.completed === null)
          return <rect key={index} class="unknown-step" x={index * each} width={each} y={0} height={HEIGHT} />;
        return TONES.map((tone) => {
          const height = ((point[tone] ?? 0) / top) * HEIGHT;
          below -= height;
          return height > 0 && <rect key={`${index} ${tone}`} class={`filled ${tone}`} x={index * each} width={each * 0.85} y={below} height={height} />;
        });
      })}
    </svg>
  );
}
