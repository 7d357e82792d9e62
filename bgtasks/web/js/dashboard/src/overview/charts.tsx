/** What happened over time, as it was counted when it happened. */
import { useMemo } from "preact/hooks";
import { Trouble } from "../parts/box";
import { Chart, type Series } from "../parts/chart";
import type { History, HistoryPoint, Percentiles } from "../state/answers";
import { NO_FILTER, type Filter } from "../state/filter";
import { go } from "../state/location";
import type { Answer } from "../state/resource";
import { shortly, shortTime } from "../state/time";

export function Charts({ history, type }: { history: Answer<History>; type?: string }) {
  const { data } = history;
  const drawn = useMemo(() => data && prepared(data), [data]);
  if (!data || !drawn) return <Trouble of={history} what="what happened over time" />;
  const base = { ...NO_FILTER, ...(type !== undefined && { types: [type] }) };
  const all = { times: drawn.times, step: drawn.step, known: drawn.known, onZoom: zoom };
  return (
    <section class="charts" aria-label="Over time">
      <Chart
        {...all}
        title={`Ended, each ${shortly(drawn.step)}`}
        kind="bars"
        series={drawn.ended}
        summary={`Ended: ${said(drawn.ended)}.`}
        onPick={(from, to) => pick({ ...base, ended: span(from, to) })}
      />
      <Chart
        {...all}
        title="Pending and running"
        kind="areas"
        series={drawn.levels}
        summary={`Pending and running, at the end of the range: ${said(drawn.levels, true)}.`}
        onPick={(from, to) => pick({ ...base, created: span(from, to) })}
      />
      <Chart
        {...all}
        title="Wait time"
        kind="lines"
        word={shortly}
        series={drawn.waits}
        summary="How long tasks waited: half, 95 and 99 of a hundred were faster."
        onPick={(from, to) => pick({ ...base, started: span(from, to) })}
      />
      <Chart
        {...all}
        title="Run time"
        kind="lines"
        word={shortly}
        series={drawn.runs}
        summary="How long attempts ran: half, 95 and 99 of a hundred were faster."
        onPick={(from, to) => pick({ ...base, ended: span(from, to) })}
      />
      {data.knownSince && data.points[0] && data.knownSince > data.points[0].at && (
        <p class="fine">Hatched is not known: it is counted since {shortTime(Date.parse(data.knownSince))}.</p>
      )}
      <Trouble of={history} what="what happened over time" />
    </section>
  );
}

function prepared({ points, step }: History) {
  const times = points.map(({ at }) => Date.parse(at));
  const of = (label: string, tone: string, pick: (point: HistoryPoint) => number | null): Series => ({
    label,
    tone,
    values: points.map(pick),
  });
  const percentiles = (pick: (point: HistoryPoint) => Percentiles | null): Series[] => [
    of("p50", "p50", (point) => pick(point)?.p50 ?? null),
    of("p95", "p95", (point) => pick(point)?.p95 ?? null),
    of("p99", "p99", (point) => pick(point)?.p99 ?? null),
  ];
  const levels = [
    of("Pending", "pending", ({ waiting }) => waiting),
    of("Running", "running", ({ running }) => running),
  ];
  if (points.some(({ places }) => places != null))
    levels.push(of("Places", "places", ({ places }) => places ?? null));
  return {
    times,
    step: step * 1000,
    known: points.map(({ submitted }) => submitted !== null),
    ended: [
      of("Completed", "completed", ({ completed }) => completed),
      of("Failed", "failed", ({ failed }) => failed),
      of("Cancelled", "cancelled", ({ cancelled }) => cancelled),
    ],
    levels,
    waits: percentiles(({ waitMs }) => waitMs),
    runs: percentiles(({ runMs }) => runMs),
  };
}

function said(series: readonly Series[], isLatest = false): string {
  return series
    .map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      if (!known.length) return `${label.toLowerCase()} not known`;
      const value = isLatest ? known.at(-1)! : known.reduce((sum, one) => sum + one, 0);
      return `${value.toLocaleString("en")} ${label.toLowerCase()}`;
    })
    .join(", ");
}

function span(from: number, to: number): { from: string; to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function zoom(from: number, to: number): void {
  go({ range: span(from, to) });
}

function pick(filter: Filter): void {
  go({ page: "tasks", filter });
}
