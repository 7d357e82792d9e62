/** What is typed into the search: words, and `key:value` for the parts of a filter. */
import { STATUSES, type TaskStatus } from "bgtasks-client/protocol";
import { between, NO_FILTER, TIMES, VIEWS, type Filter, type Time, type View } from "./filter";
import { serverNow } from "./time";

const LENGTHS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const KEYS = ["type", "owner", "status", "view", "error", "args.…", ...TIMES];

/** The filter that a text means, over `base`; words replace the words of before. */
export function parseSearch(text: string, base: Filter = NO_FILTER): Filter {
  const words: string[] = [];
  let found: Filter = { ...base };
  for (const [whole, key, quoted, plain] of tokens(text)) {
    const part = key ? partOf(key.slice(0, -1), quoted ?? plain ?? "", found) : null;
    if (part) found = { ...found, ...part };
    else words.push(whole.trim());
  }
  return { ...found, q: words.join(" ") };
}

function tokens(text: string): [string, string | undefined, string | undefined, string | undefined][] {
  const pattern = /([A-Za-z]+(?:\.[\w.-]+)?:)?(?:"([^"]*)"|(\S+))/g;
  return [...text.matchAll(pattern)].map((m) => [m[0], m[1], m[2], m[3]]);
}

function partOf(key: string, value: string, so: Filter): Partial<Filter> | null {
  if (!value) return null;
  if (key === "type") return { types: [...new Set([...so.types, value])] };
  if (key === "owner") return { owners: [...new Set([...so.owners, value === "none" ? "" : value])] };
  if (key === "error") return { error: value };
  if (key === "status" || key === "is" || key === "view") return stateOf(value.toLowerCase());
  if (key.startsWith("args.")) return { args: { ...so.args, [key.slice(5)]: value } };
  if (TIMES.includes(key as Time)) return timeOf(key as Time, value);
  return null;
}

function stateOf(word: string): Partial<Filter> | null {
  if (VIEWS.includes(word as View)) return { view: word as View, statuses: [] };
  const statuses = STATUSES.filter((status: TaskStatus) => status.toLowerCase() === word);
  return statuses.length ? { statuses, view: null } : null;
}

/** `created:2h` is within the last two hours; `created:a..b` is between. */
function timeOf(name: Time, value: string): Partial<Filter> | null {
  const age = /^(\d{1,6})([smhd])$/.exec(value);
  if (age) {
    const from = serverNow() - Number(age[1]) * LENGTHS[age[2]!]!;
    return { [name]: { from: new Date(from).toISOString(), to: "" } };
  }
  const found = between(value.includes("..") ? value : `${value}..`);
  return found && { [name]: found };
}
