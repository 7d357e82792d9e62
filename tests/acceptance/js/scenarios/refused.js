// A client that may not connect is told why, and does not come back by itself.
import { connect } from "../client.js";

export default async function () {
  const socket = connect({ refuse: 1 });
  const errors = [];
  const attempts = [];
  socket.on("connect_error", (error) => errors.push(error.message));
  socket.io.on("reconnect_attempt", () => attempts.push(1));
  socket.on("connect", () => attempts.push("connected"));
  while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 1000)); // ten times what a retry waits
  return { errors, attempts: attempts.length, active: socket.active };
}
