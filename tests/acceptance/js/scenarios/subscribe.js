// The answer to Subscribe carries the present snapshots; afterwards only those are heard of.
import { ask, connect, connected, go, handIn, update, updates } from "../client.js";

export default async function () {
  const [mine, other] = [await handIn(), await handIn()];
  const socket = connect();
  await connected(socket);
  await go(mine);
  await go(other);
  await update(mine, (task) => task.progress === 25, "the first step");
  await update(other, (task) => task.progress === 25, "the first step of the other");
  const subscribed = await ask(socket, "Subscribe", { ids: [mine] });
  await go(mine);
  await update(mine, (task) => task.progress === 50, "the second step");
  const refused = await ask(socket, "Subscribe", { ids: "garbage" });
  const left = await ask(socket, "Unsubscribe");
  return { mine, subscribed, refused, left };
}
