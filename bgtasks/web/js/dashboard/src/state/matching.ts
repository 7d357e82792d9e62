/** Whether a task that was pushed fits a filter; `null`: only the server can say. */
import type { Between, Filter, View } from "./filter";
import type { ListedTask } from "./task";
import { serverNow } from "./time";

export function matcher(of: Filter): (task: ListedTask) => boolean | null {
  const words = of.q.toLowerCase().split(/\s+/).filter(Boolean);
  const isServers = of.error !== null || Object.keys(of.args).length > 0;
  return (task) => {
    const fits =
      (!of.statuses.length || of.statuses.includes(task.status)) &&
      (!of.view || isIn(of.view, task)) &&
      (!of.types.length || of.types.includes(task.type)) &&
      (!of.owners.length || of.owners.includes(task.owner ?? "")) &&
      isWithin(of.created, task.created) &&
      isWithin(of.started, task.started) &&
      isWithin(of.ended, task.completed);
    if (!fits) return false;
    if (isServers) return null;
    // A word may also occur in the arguments, which are not pushed.
    return words.every((word) => hasWord(task, word)) || null;
  };
}

function isIn(view: View, task: ListedTask): boolean {
  if (task.status !== "Pending") return false;
  const isLater = task.scheduledAt !== null && Date.parse(task.scheduledAt) > serverNow();
  if (view === "waiting") return !isLater;
  return isLater && (view === "retrying") === task.attempt > 0;
}

function isWithin(between: Between | null, time: number | null): boolean {
  if (!between) return true;
  if (time === null) return false;
  return (
    (!between.from || time >= Date.parse(between.from)) &&
    (!between.to || time < Date.parse(between.to))
  );
}

function hasWord(task: ListedTask, word: string): boolean {
  return (
    task.name.toLowerCase().includes(word) ||
    (task.errorMessage ?? "").toLowerCase().includes(word) ||
    (task.statusMessage ?? "").toLowerCase().includes(word) ||
    task.id.startsWith(word)
  );
}
