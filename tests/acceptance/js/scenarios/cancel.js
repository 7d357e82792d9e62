// CancelTask is always answered.
import { ask, connect, connected, go, handIn, update } from "../client.js";

export default async function () {
  const socket = connect();
  await connected(socket);
  const id = await handIn();
  await go(id);
  await update(id, (task) => task.progress === 25, "the first step");
  const cancelled = await ask(socket, "CancelTask", { id });
  const final = await update(id, (task) => task.status === "Cancelled", "the end");
  const again = await ask(socket, "CancelTask", { id });
  const unknown = await ask(socket, "CancelTask", { id: "00000000-0000-7000-8000-000000000000" });
  const garbage = [];
  for (const message of [{ id: "garbage" }, { id: 5 }, {}, null, "x", []]) {
    garbage.push(await ask(socket, "CancelTask", message));
  }
  garbage.push(await ask(socket, "CancelTask"));
  garbage.push(await ask(socket, "Nonsense", { id }));
  const retried = await ask(socket, "RetryTask", { id });
  return { cancelled, final, again, unknown, garbage, retried };
}
