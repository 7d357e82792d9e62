/** Times in the zone that the reader chose, durations in words, and the clock of the page. */
import { signal } from "@preact/signals";

export type Zone = "local" | "utc";

export const zone = signal<Zone>("local");

/** Now, in milliseconds of the server; moves on each second while the page is seen and the server
 * is heard. It redraws, never asks. */
export const now = signal(Date.now());
/** Since when the server is not heard: the clock stands still; `null` while it is heard. */
export const stoppedAt = signal<number | null>(null);

let skew = 0;

function tick(): void {
  if (!document.hidden && stoppedAt.peek() === null) now.value = Date.now() + skew;
}
setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);

/** The server's clock says `iso` just now. */
export function setClock(iso: string): void {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return;
  const found = at - Date.now();
  // What a request takes is no skew.
  skew = Math.abs(found) < 2000 ? 0 : found;
  tick();
}

export function serverNow(): number {
  return Date.now() + skew;
}

/** The server is heard, or no longer: then what is shown is as of `at`. */
export function heard(isHeard: boolean, at: number = serverNow()): void {
  if (!isHeard) now.value = stoppedAt.value ??= at;
  else {
    stoppedAt.value = null;
    tick();
  }
}

const FORMATS = {
  short: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  full: { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" },
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { month: "short", day: "numeric" },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

const made = new Map<string, Intl.DateTimeFormat>();

function format(kind: keyof typeof FORMATS, at: number): string {
  const key = `${kind} ${zone.value}`;
  let found = made.get(key);
  if (!found) {
    const timeZone = zone.value === "utc" ? "UTC" : undefined;
    found = new Intl.DateTimeFormat(undefined, { ...FORMATS[kind], timeZone });
    made.set(key, found);
  }
  return found.format(at);
}

export const fullTime = (iso: string): string => format("full", Date.parse(iso));
export const shortTime = (at: number): string => format("short", at);
/** "03:23:04" */
export const clockTime = (at: number): string => format("seconds", at);

/** The time of day, or the day at midnight: for the axis of a chart. */
export function axisTime(at: number): string {
  const text = format("clock", at);
  return text === "00:00" ? format("day", at) : text;
}

/** The time of day, on another day than `now` with the day. */
export function timeOfDay(at: number, now: number): string {
  return format("day", at) === format("day", now) ? format("clock", at) : format("short", at);
}

/** "Europe/Berlin", or "UTC". */
export function zoneName(of: Zone = zone.value): string {
  return of === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const UNITS = [
  ["day", 86_400_000, "d"],
  ["hour", 3_600_000, "h"],
  ["minute", 60_000, "min"],
  ["second", 1000, "s"],
] as const;
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "2 minutes 5 seconds": the two largest units that count. */
export function duration(milliseconds: number): string {
  if (milliseconds < 50) return "an instant";
  if (milliseconds < 1000) return `${(milliseconds / 1000).toFixed(1)} seconds`;
  return parts(milliseconds, (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`);
}

/** "2 min 5 s", "340 ms": for tables and charts. */
export function shortly(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return parts(milliseconds, (count, _, short) => `${count} ${short}`);
}

function parts(
  milliseconds: number,
  word: (count: number, unit: string, short: string) => string,
): string {
  let rest = Math.round(milliseconds / 1000) * 1000;
  const words: string[] = [];
  for (const [unit, length, short] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count) words.push(word(count, unit, short));
    else if (words.length) break;
    if (words.length === 2) break;
  }
  return words.join(" ");
}

/** "3 minutes ago", "in 5 seconds". */
export function relative(iso: string, at: number): string {
  const distance = Date.parse(iso) - at;
  const size = Math.abs(distance);
  for (const [unit, length] of UNITS)
    if (size >= length) return AGO.format(Math.trunc(distance / length), unit);
  return "just now";
}

/** For `<input type="datetime-local">`, which knows no zones: it is the chosen one. */
export function toInput(iso: string | null): string {
  if (!iso) return "";
  const date = new Date(iso);
  const offset = zone.value === "utc" ? 0 : date.getTimezoneOffset() * 60_000;
  return new Date(date.getTime() - offset).toISOString().slice(0, 16);
}

export function fromInput(text: string): string | null {
  const date = new Date(zone.value === "utc" && text ? `${text}Z` : text);
  return text && !Number.isNaN(date.getTime()) ? date.toISOString() : null;
}
