/** A chart over time, drawn as SVG: it takes the colours of the page, forced ones too. Where nothing
 * is known it is hatched. Dragging zooms, a click picks a step. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { axisTime, shortTime, zone } from "../state/time";

export interface Series {
  label: string;
  tone: string; // a class of the style sheet
  values: readonly (number | null)[];
}

export interface ChartProps {
  title: string;
  times: readonly number[]; // where each step begins, in milliseconds
  step: number; // in milliseconds
  series: readonly Series[];
  /** Which steps something is known of, where that is more than those that have values. */
  known?: readonly boolean[];
  kind: "bars" | "areas" | "lines";
  word?: (value: number) => string;
  summary: string;
  height?: number;
  onZoom?: (from: number, to: number) => void;
  onPick?: (from: number, to: number) => void;
}

const LEFT = 52;
const BOTTOM = 20;
const TOP = 6;

export function Chart(props: ChartProps) {
  const { title, times, series, kind, summary, height = 150 } = props;
  const word = props.word ?? ((value: number) => value.toLocaleString("en"));
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  return (
    <figure class="chart">
      <figcaption>
        <h3>
          {title}{" "}
          <span class="fine moment" aria-hidden="true">
            {at === null ? (kind === "bars" ? "in total" : "latest") : shortTime(times[at] ?? 0)}
          </span>
        </h3>
        <ul class="legend">
          {series.map(({ label, tone, values }) => (
            <li key={label}>
              <i class={`swatch ${tone}`} aria-hidden="true" />
              {label} <b>{shown(values, at, { kind, word, known: props.known })}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={summary} style={{ height: `${height}px` }}>
        {width > 0 && times.length > 0 && (
          <Plot {...props} word={word} width={width} height={height} at={at} setAt={setAt} />
        )}
      </div>
    </figure>
  );
}

/** What the legend says: the value under the pointer, else the sum or the latest that is known. */
function shown(
  values: Series["values"],
  at: number | null,
  { kind, word, known }: Pick<ChartProps, "kind" | "known"> & { word: (value: number) => string },
): string {
  const none = (isKnown: boolean | undefined) => (isKnown ? "none" : "unknown");
  if (at !== null) return values[at] == null ? none(known?.[at]) : word(values[at]);
  const there = values.filter((value) => value !== null);
  if (!there.length) return none(known?.some(Boolean));
  return word(kind === "bars" ? there.reduce((sum, value) => sum + value, 0) : there.at(-1)!);
}

interface PlotProps extends ChartProps {
  word: (value: number) => string;
  width: number;
  height: number;
  at: number | null;
  setAt: (index: number | null) => void;
}

function Plot(props: PlotProps) {
  const { times, step, series, kind, width, height, at, setAt, word } = props;
  const [drag, setDrag] = useState<[number, number] | null>(null);
  zone.value;
  const inner = width - LEFT - 4;
  const deep = height - TOP - BOTTOM;
  const from = times[0]!;
  const span = times.length * step;
  const x = (time: number) => LEFT + ((time - from) / span) * inner;
  const top = highest(series, kind);
  const y = (value: number) => TOP + deep - (value / top) * deep;
  const indexAt = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    const index = Math.floor(((event.clientX - left - LEFT) / inner) * times.length);
    return Math.min(Math.max(index, 0), times.length - 1);
  };
  const finish = () => {
    if (!drag) return;
    const [a, b] = drag[0] < drag[1] ? drag : [drag[1], drag[0]];
    setDrag(null);
    if (a === b) props.onPick?.(times[a]!, times[a]! + step);
    else props.onZoom?.(times[a]!, times[b]! + step);
  };
  return (
    <svg
      width={width}
      height={height}
      aria-hidden="true"
      class={props.onZoom ? "zooms" : undefined}
      onPointerMove={(event) => {
        const index = indexAt(event);
        setAt(index);
        if (drag) setDrag([drag[0], index]);
      }}
      onPointerLeave={() => {
        setAt(null);
        setDrag(null);
      }}
      onPointerDown={(event) => {
        if (event.button === 0) setDrag([indexAt(event), indexAt(event)]);
      }}
      onPointerUp={finish}
    >
      <Grid top={top} y={y} width={width} word={word} />
      <Axis times={times} step={step} x={x} height={height} inner={inner} />
      <Unknown series={series} known={props.known} times={times} step={step} x={x} deep={deep} />
      {kind === "bars" && <Bars series={series} times={times} step={step} x={x} y={y} />}
      {kind === "areas" && <Areas series={series} times={times} step={step} x={x} y={y} />}
      {kind === "lines" && <Lines series={series} times={times} step={step} x={x} y={y} />}
      {drag && drag[0] !== drag[1] && (
        <rect
          class="chosen"
          x={x(times[Math.min(...drag)]!)}
          width={((Math.abs(drag[1] - drag[0]) + 1) / times.length) * inner}
          y={TOP}
          height={deep}
        />
      )}
      {at !== null && times[at] !== undefined && (
        <line class="cursor" x1={x(times[at] + step / 2)} x2={x(times[at] + step / 2)} y1={TOP} y2={TOP + deep} />
      )}
    </svg>
  );
}

function highest(series: readonly Series[], kind: ChartProps["kind"]): number {
  let top = 0;
  const count = series[0]?.values.length ?? 0;
  for (let index = 0; index < count; index++) {
    const values = series.map(({ values }) => values[index] ?? 0);
    const value = kind === "bars" ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);
    if (value > top) top = value;
  }
  return rounded(Math.max(top, 4));
}

/** The next number that reads well. */
function rounded(value: number): number {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 4, 5, 8, 10].map((n) => n * size).find((n) => n >= value) ?? value;
}

function Grid(props: { top: number; y: (v: number) => number; width: number; word: (v: number) => string }) {
  const { top, y, width, word } = props;
  return (
    <g class="gridlines">
      {[0, 0.5, 1].map((part) => (
        <g key={part}>
          <line x1={LEFT} x2={width} y1={y(top * part)} y2={y(top * part)} />
          <text x={LEFT - 6} y={y(top * part) + 4} text-anchor="end">
            {word(top * part)}
          </text>
        </g>
      ))}
    </g>
  );
}

interface Scaled {
  series: readonly Series[];
  times: readonly number[];
  step: number;
  x: (time: number) => number;
  y: (value: number) => number;
}

function Axis(props: Omit<Scaled, "series" | "y"> & { height: number; inner: number }) {
  const { times, x, height, inner } = props;
  const every = Math.max(1, Math.ceil(times.length / Math.max(2, Math.floor(inner / 90))));
  return (
    <g class="axis">
      {times.map((time, index) =>
        index % every === 0 && x(time) < inner ? (
          <text key={time} x={x(time)} y={height - 5}>
            {axisTime(time)}
          </text>
        ) : null,
      )}
    </g>
  );
}

/** Hatched: of these steps nothing is known. Neighbours are one. */
function Unknown(props: Omit<Scaled, "y"> & Pick<ChartProps, "known"> & { deep: number }) {
  const { series, known, times, step, x, deep } = props;
  const gaps: [number, number][] = [];
  let isGap = false;
  times.forEach((time, index) => {
    const wasGap = isGap;
    isGap = !(known ? known[index] : series.some(({ values }) => values[index] != null));
    if (!isGap) return;
    if (wasGap) gaps.at(-1)![1] = time + step;
    else gaps.push([time, time + step]);
  });
  if (!gaps.length) return null;
  return (
    <>
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line class="hatch" x1="0" x2="0" y1="0" y2="6" />
        </pattern>
      </defs>
      {gaps.map(([from, to]) => (
        <rect key={from} class="unknown" fill="url(#hatch)" x={x(from)} width={x(to) - x(from)} y={TOP} height={deep}>
          <title>not known</title>
        </rect>
      ))}
    </>
  );
}

function Bars({ series, times, step, x, y }: Scaled) {
  const full = x(times[0]! + step) - x(times[0]!);
  const gap = Math.min(full * 0.2, 3);
  const below = times.map(() => 0);
  return (
    <>
      {series.map(({ label, tone, values }) => {
        let path = "";
        values.forEach((value, index) => {
          if (!value) return;
          const low = y(below[index]!);
          below[index]! += value;
          const high = y(below[index]!);
          path += `M${fixed(x(times[index]!) + gap / 2)} ${fixed(low)}h${fixed(full - gap)}V${fixed(high)}h${fixed(gap - full)}z`;
        });
        return <path key={label} class={`filled ${tone}`} d={path} />;
      })}
    </>
  );
}

function Areas(props: Scaled) {
  const { series, times, step, x, y } = props;
  return (
    <>
      {series.map(({ label, tone, values }) => {
        let path = "";
        values.forEach((value, index) => {
          if (value === null || value === undefined) return;
          path += `M${fixed(x(times[index]!))} ${fixed(y(0))}V${fixed(y(value))}H${fixed(x(times[index]! + step))}V${fixed(y(0))}z`;
        });
        return <path key={label} class={`area ${tone}`} d={path} />;
      })}
      <Lines {...props} />
    </>
  );
}

function Lines({ series, times, step, x, y }: Scaled) {
  return (
    <>
      {series.map(({ label, tone, values }, number) => {
        let path = "";
        let isOpen = false;
        values.forEach((value, index) => {
          if (value === null || value === undefined) {
            isOpen = false;
            return;
          }
          const [left, right] = [x(times[index]!), x(times[index]! + step)];
          const height = fixed(y(value));
          path += `${isOpen ? "L" : "M"}${fixed(left)} ${height}H${fixed(right)}`;
          isOpen = true;
        });
        return <path key={label} class={`line ${tone} n${number}`} d={path} />;
      })}
    </>
  );
}

function fixed(value: number): string {
  return value.toFixed(1);
}
