/** Times in the reader's zone, durations in words. */
import { signal } from "@preact/signals";

/** Now, in milliseconds; moves on each second while the page is seen. It redraws, never asks. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = Date.now();
});

const SHORT = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

export function fullTime(iso: string): string {
  return FULL.format(new Date(iso));
}

/** The time of day, or the day at midnight: for the axis of a chart. */
export function axisTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  return (date.getHours() || date.getMinutes() ? CLOCK : DAY).format(date);
}

export function shortTime(milliseconds: number): string {
  return SHORT.format(milliseconds);
}

/** "2 minutes 5 seconds": the two largest units that count. */
export function duration(milliseconds: number): string {
  if (milliseconds < 50) return "an instant";
  if (milliseconds < 1000) return `${(milliseconds / 1000).toFixed(1)} seconds`;
  let rest = Math.round(milliseconds / 1000) * 1000;
  const words: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count) words.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
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

/** For `<input type="datetime-local">`, which knows no zones: it is the reader's. */
export function toLocalInput(iso: string | null): string {
  if (!iso) return "";
  const date = new Date(iso);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export function fromLocalInput(text: string): string | null {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? date.toISOString() : null;
}
