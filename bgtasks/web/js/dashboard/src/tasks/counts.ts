/** How many tasks there are in each tab: counted by the server, for the filter without its tab. */
import { STATUSES, type TaskStatus } from "bgtasks-client/protocol";
import { written, type Filter, type View } from "../state/filter";
import { filter } from "../state/location";
import { ask, useAnswer, type Answer } from "../state/resource";

type Numbers = Record<TaskStatus, number>;

export interface Counts {
  statuses: Numbers;
  views: Record<View, number>;
}

async function count(of: Filter): Promise<Numbers> {
  const found = await ask<Partial<Numbers>>("/api/tasks/counts", written(of));
  return Object.fromEntries(STATUSES.map((status) => [status, found[status] ?? 0])) as Numbers;
}

async function counts(of: Filter): Promise<Counts> {
  const pending = { ...of, statuses: ["Pending"] as const };
  const [statuses, scheduled, retrying] = await Promise.all([
    count(of),
    count({ ...pending, view: "scheduled" }),
    count({ ...pending, view: "retrying" }),
  ]);
  const later = scheduled.Pending + retrying.Pending;
  return {
    statuses,
    views: {
      waiting: Math.max(0, statuses.Pending - later),
      scheduled: scheduled.Pending,
      retrying: retrying.Pending,
    },
  };
}

/** `isReady`: not before, so that the rows come first. */
export function useCounts(isReady: boolean): Answer<Counts> {
  const of = { ...filter.value, statuses: [], view: null };
  return useAnswer(isReady ? JSON.stringify(written(of)) : null, () => counts(of));
}

/** How many of them the filter lets through. */
export function totalOf(of: Filter, { statuses, views }: Counts): number {
  if (of.view) return views[of.view];
  const wanted = of.statuses.length ? of.statuses : STATUSES;
  return wanted.reduce((sum, status) => sum + statuses[status], 0);
}
