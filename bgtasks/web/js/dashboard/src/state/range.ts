/** The one time range of the page, for charts, numbers and failures. */
import type { Between } from "./filter";
import { serverNow } from "./time";

export const WITHIN = {
  "15m": ["Last 15 minutes", 15 * 60_000],
  "1h": ["Last hour", 3_600_000],
  "6h": ["Last 6 hours", 6 * 3_600_000],
  "24h": ["Last 24 hours", 86_400_000],
  "7d": ["Last 7 days", 7 * 86_400_000],
  "30d": ["Last 30 days", 30 * 86_400_000],
} as const;
export type Within = keyof typeof WITHIN;
/** Up to now, or between two times. */
export type Range = Within | Between;

export const USUAL: Within = "1h";

export function isWithin(text: string | null): text is Within {
  return text !== null && Object.hasOwn(WITHIN, text);
}

/** The range in milliseconds, as it is now. */
export function bounds(range: Range): { from: number; to: number } {
  if (typeof range !== "string")
    return { from: Date.parse(range.from), to: range.to ? Date.parse(range.to) : serverNow() };
  const to = serverNow();
  return { from: to - WITHIN[range][1], to };
}

/** The shortest of the ranges up to now in which a time is; `null`: it is older. */
export function rangeAround(iso: string): Within | null {
  const age = serverNow() - Date.parse(iso);
  return (Object.keys(WITHIN) as Within[]).find((within) => age < WITHIN[within][1]) ?? null;
}

export function rangeQuery(range: Range): { from: string; to: string } {
  const { from, to } = bounds(range);
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
