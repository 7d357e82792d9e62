/** What happened over time, as the server has counted it. */
import type { History } from "../state/answers";
import { rangeQuery, type Range } from "../state/range";
import { ask, useAnswer, type Answer } from "../state/resource";

export function useHistory(range: Range | null, type: string | null = null): Answer<History> {
  const key = range === null ? null : JSON.stringify([range, type]);
  return useAnswer(key, () => askHistory(range!, type));
}

function askHistory(range: Range, type: string | null): Promise<History> {
  const query: [string, string][] = [...Object.entries(rangeQuery(range)), ["step", "auto"]];
  if (type !== null) query.push(["type", type]);
  return ask<History>("/api/stats/history", query);
}

/** The sum of what is known; `null`: nothing is. */
export function total(history: History | null, of: "completed" | "failed" | "cancelled"): number | null {
  const known = (history?.points ?? []).map((point) => point[of]).filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}
