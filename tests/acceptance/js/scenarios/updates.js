// Every step of a task is heard, in order, up to its end.
import { connect, connected, go, handIn, update, updates } from "../client.js";

export default async function () {
  const socket = connect();
  await connected(socket);
  const id = await handIn();
  for (let step = 1; step <= 4; step += 1) {
    await go(id);
    await update(id, (task) => task.progress >= 25 * step, `step ${step}`);
  }
  await update(id, (task) => task.status === "Completed", "the end");
  return updates.filter((task) => task.id === id);
}
