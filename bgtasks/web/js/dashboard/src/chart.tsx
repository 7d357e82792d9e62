/** One uPlot chart with a legend in words and numbers. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { colours } from "./theme";
import { axisTime } from "./time";

export interface Series {
  label: string;
  colour: string; // the name of a custom property
  values: number[];
}

interface Props {
  title: string;
  times: number[];
  series: Series[];
  kind: "levels" | "bars";
  summary: string;
}

const NARROW = matchMedia("(max-width: 719px)");

function height(): number {
  return NARROW.matches ? 104 : 160;
}

export function Chart(props: Props) {
  const { title, times, series, kind, summary } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const palette = colours.value;

  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(options(element, series, kind, setAt), data(props), element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: height() });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [palette]);

  useEffect(() => {
    plot.current?.setData(data(props));
  }, [times, series]);

  return (
    <figure class="chart">
      <figcaption>
        <h3>
          {title}{" "}
          <span class="fine moment" aria-hidden="true">
            {at === null ? (kind === "bars" ? "in total" : "now") : moment(times[at])}
          </span>
        </h3>
        <ul class="legend">
          {series.map(({ label, colour, values }) => (
            <li key={label}>
              <i class={`swatch ${colour}`} aria-hidden="true" />
              {label} <b>{shown(values, at, kind).toLocaleString("en")}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={summary} />
    </figure>
  );
}

/** What the legend says: the value under the pointer, else the level now or the sum. */
function shown(values: number[], at: number | null, kind: Props["kind"]): number {
  if (at !== null) return values[at] ?? 0;
  return kind === "levels" ? (values.at(-1) ?? 0) : values.reduce((sum, value) => sum + value, 0);
}

function moment(seconds: number | undefined): string {
  if (seconds === undefined) return "";
  return new Date(seconds * 1000).toLocaleString(undefined, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/** Stacked: each series is drawn over the sum of those below it, the tallest first. */
function data({ times, series }: Props): uPlot.AlignedData {
  let below = times.map(() => 0);
  const stacked = series.map(({ values }) => {
    below = below.map((sum, index) => sum + (values[index] ?? 0));
    return below;
  });
  return [times, ...stacked.reverse()];
}

function options(
  element: HTMLElement,
  series: Series[],
  kind: Props["kind"],
  setAt: (index: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => resolve(element, name);
  const axis = { stroke: colour("muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const bars = uPlot.paths.bars!({ size: [0.72, 24], radius: 0.15 });
  const stepped = uPlot.paths.stepped!({ align: -1 });
  return {
    width: element.clientWidth,
    height: height(),
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      // Half a bar's room at both ends.
      x: { range: (made, from, to) => (kind === "bars" ? widened(made, from, to) : [from, to]) },
      y: { range: (_, __, highest) => [0, Math.max(4, Math.ceil((highest ?? 0) * 1.1))] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 64,
        grid: { show: false },
        values: (_, splits) => splits.map((seconds) => axisTime(seconds * 1000)),
      },
      {
        ...axis,
        size: 42,
        space: 26,
        grid: { stroke: colour("line"), width: 1 },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000],
      },
    ],
    series: [
      {},
      ...[...series].reverse().map(({ label, colour: name }) => ({
        label,
        stroke: colour(name),
        fill: colour(kind === "bars" ? name : `${name}-fill`),
        width: kind === "bars" ? 0 : 2,
        paths: kind === "bars" ? bars : stepped,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(made) => setAt(made.cursor.idx ?? null)] },
  };
}

function widened(made: uPlot, from: number, to: number): [number, number] {
  const room = (to - from) / Math.max(1, made.data[0].length - 1) / 2;
  return [from - room, to + room];
}

/** A colour of the style sheet as a canvas takes it. */
function resolve(element: HTMLElement, name: string): string {
  const probe = element.appendChild(document.createElement("i"));
  probe.className = `swatch ${name}`;
  const { backgroundColor } = getComputedStyle(probe);
  probe.remove();
  return backgroundColor;
}
