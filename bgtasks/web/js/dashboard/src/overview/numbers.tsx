/** The exact numbers, each a way to its tasks. */
import type { Stats } from "bgtasks-client";
import type { ComponentChildren } from "preact";
import { Count } from "../parts/box";
import { Link } from "../parts/link";
import { Since } from "../parts/moments";
import type { History } from "../state/answers";
import { NO_FILTER, type Filter } from "../state/filter";
import { range } from "../state/location";
import { bounds, rangeQuery } from "../state/range";
import { ask, useAnswer, type Answer } from "../state/resource";
import { shortly } from "../state/time";
import { total } from "./history";

const BEFORE = 3; // so many ranges before this one are what is usual

export function Numbers({ stats, history }: { stats: Answer<Stats>; history: History | null }) {
  const so = stats.data;
  const failed = total(history, "failed");
  const usual = useUsual(history !== null);
  const ended = rangeQuery(range.value);
  return (
    <ul class="figures" aria-label="Now">
      <Number word="Waiting" tone="Pending" value={so?.waiting} to={{ view: "waiting" }}>
        {so?.oldestWaiting && (
          <>
            oldest <Since iso={so.oldestWaiting.since} />
          </>
        )}
      </Number>
      <Number word="Running" tone="Running" value={so?.running} to={{ statuses: ["Running"] }}>
        {so?.places != null && `of ${so.places.toLocaleString("en")} places`}
        {so?.cancelling ? `, ${so.cancelling.toLocaleString("en")} cancelling` : ""}
      </Number>
      <Number word="Scheduled" tone="Pending" value={so?.scheduled} to={{ view: "scheduled" }}>
        {so?.nextScheduledAt && (
          <>
            next <Since iso={so.nextScheduledAt} />
          </>
        )}
      </Number>
      <Number word="Retrying" tone="Cancelled" value={so?.retrying} to={{ view: "retrying" }} />
      <Number word="Failed in the range" tone="Failed" value={failed} to={{ statuses: ["Failed"], ended }}>
        {usual !== null && `usual ${usual.toLocaleString("en", { maximumFractionDigits: usual < 10 ? 1 : 0 })}`}
      </Number>
      <Number word="Processes" tone="" value={so?.processes?.alive} page="processes">
        {so?.processes?.lost ? <b class="error">{so.processes.lost} lost</b> : so?.processes ? "none lost" : ""}
      </Number>
    </ul>
  );
}

function Number(props: {
  word: string;
  tone: string;
  value: number | null | undefined;
  to?: Partial<Filter>;
  page?: "processes";
  children?: ComponentChildren;
}) {
  const { word, tone, value, to, page, children } = props;
  return (
    <li>
      <Link to={page ? { page } : { page: "tasks", filter: { ...NO_FILTER, ...to } }} class={`figure ${tone}`}>
        <span class="word">{word}</span>
        <span class="count">
          <Count value={value} />
        </span>
        <span class="fine">{children}</span>
      </Link>
    </li>
  );
}

/** How many fail in a range of this length, by those before it; `null`: not known. */
function useUsual(isReady: boolean): number | null {
  const key = isReady ? `usual ${JSON.stringify(range.value)}` : null;
  const { data } = useAnswer(key, () => {
    const { from, to } = bounds(range.peek());
    const start = from - BEFORE * (to - from);
    return ask<History>("/api/stats/history", [
      ["from", new Date(start).toISOString()],
      ["to", new Date(from).toISOString()],
      ["step", "auto"],
    ]);
  });
  if (!data) return null;
  const known = data.points.filter((point) => point.failed !== null);
  if (!known.length) return null;
  const failed = known.reduce((sum, point) => sum + point.failed!, 0);
  return (failed / known.length) * (data.points.length / BEFORE);
}

/** "p50 1.2 s" */
export function percentile(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : shortly(value);
}
