// A client whose connection broke while its task ended learns how it ended.
import { connect, connected, go, handIn, update, updates } from "../client.js";

export default async function () {
  const socket = connect();
  await connected(socket);
  const id = await handIn();
  await go(id);
  await update(id, (task) => task.progress === 25, "the first step");

  const watcher = connect({}, { forceNew: true });
  const ended = new Promise((resolve) => {
    watcher.on("TaskUpdated", (task) => {
      if (task.id === id && task.status === "Completed") resolve(task);
    });
  });
  await connected(watcher);
  socket.io.reconnection(false);
  socket.io.engine.close(); // as when the network goes away
  updates.length = 0;
  await go(id, 3);
  await ended;
  watcher.disconnect();

  updates.length = 0;
  socket.io.reconnection(true);
  socket.connect();
  return await update(id, (task) => task.status === "Completed", "how it ended");
}
