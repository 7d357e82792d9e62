// A Socket.IO client that does what a test says, and the client under test on top of it.
export const { TaskClient } = await import(`${process.env.BGTASKS_CLIENT}/client.js`);

export const A = "0193a4e0-0000-7000-8000-00000000000a";
export const B = "0193a4e0-0000-7000-8000-00000000000b";
const OPTIONS = { url: "http://server/background-tasks", timeout: 50, retryDelay: 1 };

export function task(fields) {
  return {
    id: A, type: "Copy", name: "Copy", status: "Running", progress: 0, statusMessage: null,
    errorMessage: null, payload: null, createdAt: "2026-01-01T00:00:00.000000Z", startedAt: null,
    completedAt: null, revision: 1, attempt: 1, cancelRequested: false, scheduledAt: null,
    owner: null, waitingFor: null, ...fields,
  };
}

export class FakeSocket {
  connected = false;
  active = true;
  connects = 0;
  asked = [];
  listeners = {};
  /** What the server answers; a test replaces it. */
  answer = () => ({ ok: true, tasks: [] });

  on(event, listener) {
    this.listeners[event] = listener;
  }
  connect() {
    this.connects += 1;
    this.active = true;
  }
  disconnect() {
    this.connected = false;
    this.active = false;
  }
  timeout() {
    const emitWithAck = async (event, argument) => {
      this.asked.push([event, argument]);
      return this.answer(event, argument);
    };
    return { emitWithAck };
  }
  up() {
    this.connected = true;
    this.listeners.connect();
  }
  down() {
    this.connected = false;
    this.listeners.disconnect("transport close");
  }
  refuse(message = "no") {
    this.active = false;
    this.listeners.connect_error(new Error(message));
  }
  tell(type) {
    this.listeners.TypeUpdated(type);
  }
  tellSchedule(schedule) {
    this.listeners.ScheduleUpdated(schedule);
  }
  count(stats) {
    this.listeners.StatsUpdated(stats);
  }
  log(id, lines) {
    this.listeners.TaskLog({ id, lines });
  }
  send(fields) {
    this.listeners.TaskUpdated(task(fields));
  }
}

export function client(options = {}) {
  const socket = new FakeSocket();
  let given;
  const io = (url, opts) => ((given = { ...opts, url }), socket);
  const tasks = new TaskClient(io, { ...OPTIONS, ...options });
  tasks.onConnection(() => {}); // connects
  return { socket, tasks, given };
}

/** Let everything go on that waits for nothing but its turn. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Wait for something that a timer has to bring; gives up loudly. */
export async function until(condition) {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
