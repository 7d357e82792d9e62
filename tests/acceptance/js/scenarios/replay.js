// A client that comes later is sent what is active and what ended lately.
import { connect, connected, go, handIn, update } from "../client.js";

export default async function () {
  const [ended, active] = [await handIn(), await handIn()];
  const early = connect();
  await connected(early);
  await go(ended, 4);
  await update(ended, (task) => task.status === "Completed", "the end");
  await go(active, 1);
  await update(active, (task) => task.progress === 25, "the first step");
  early.disconnect();

  const late = connect({}, { forceNew: true });
  const replayed = new Map();
  late.on("TaskUpdated", (task) => replayed.set(task.id, task));
  await connected(late);
  while (!(replayed.has(ended) && replayed.has(active))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { ended: replayed.get(ended), active: replayed.get(active) };
}
