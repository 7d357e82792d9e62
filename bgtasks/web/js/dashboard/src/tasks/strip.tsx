/** What ended lately, as a thin strip above the list. */
import { filter, go, range } from "../state/location";
import { useHistory } from "../overview/history";

const WIDTH = 600;
const HEIGHT = 34;
const TONES = ["completed", "failed", "cancelled"] as const;

export function Strip({ isReady }: { isReady: boolean }) {
  const { types } = filter.value;
  const type = types.length === 1 ? types[0]! : null;
  const { data } = useHistory(isReady && types.length < 2 ? range.value : null, type);
  if (!data?.points.length) return null;
  const { points, step } = data;
  const top = Math.max(1, ...points.map((point) => (point.completed ?? 0) + (point.failed ?? 0) + (point.cancelled ?? 0)));
  const each = WIDTH / points.length;
  const sum = (tone: (typeof TONES)[number]) => points.reduce((all, point) => all + (point[tone] ?? 0), 0);
  return (
    <div class="strip">
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
    </div>
  );
}
