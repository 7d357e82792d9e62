// Does what the lines on standard input say, and tells on standard output what happened.
import { createInterface } from "node:readline";

import { connect } from "bgtasks-client";

const clients = new Map();
const stops = new Map();
const tell = (event, data) => console.log(JSON.stringify({ event, ...data }));

const actions = {
  connect({ client = "a", url, tokens, ...options }) {
    if (tokens) {
      // The last one again and again.
      options.token = async () => {
        const token = tokens.length > 1 ? tokens.shift() : tokens[0];
        tell("token", { client, token });
        return token;
      };
    }
    const tasks = connect({ url: `${url}/background-tasks`, retryDelay: 20, ...options });
    clients.set(client, tasks);
    tasks.onConnection((connection) => tell("connection", { client, ...connection }));
  },
  watch({ client = "a", watch = "w", id }) {
    stops.set(watch, clients.get(client).watch(id, (task) => tell("task", { watch, task })));
  },
  watchAll({ client = "a", watch = "l", filter = {} }) {
    const show = (tasks) => tell("list", { watch, tasks });
    stops.set(watch, clients.get(client).watchAll(filter, show));
  },
  watchLogs({ client = "a", watch = client, id }) {
    const numbers = (lines) => lines.map(({ number }) => number);
    const show = (lines, all) => tell("lines", { watch, lines, all: numbers(all) });
    stops.set(watch, clients.get(client).watchLogs(id, show));
  },
  onUpdate({ client = "a" }) {
    const update = (task) => tell("update", { task });
    clients.get(client).onUpdate(update, () => tell("began", {}));
  },
  async api({ client = "a", method, argument }) {
    tell("answer", { of: await clients.get(client).api[method](argument) });
  },
  async iterate({ client = "a", watch = "i", id }) {
    for await (const task of clients.get(client).watch(id)) tell("task", { watch, task });
    tell("ended", { watch });
  },
  stop: ({ watch }) => stops.get(watch)(),
  close: ({ client = "a" }) => clients.get(client).close(),
  async cancel({ client = "a", id }) {
    tell("answer", { task: await clients.get(client).cancel(id) });
  },
  async retry({ client = "a", id }) {
    tell("answer", { task: await clients.get(client).retry(id) });
  },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { do: action, ...given } = JSON.parse(line);
  const began = performance.now();
  try {
    await actions[action](given);
  } catch ({ name, message }) {
    tell("error", { name, message, action, ms: performance.now() - began });
  }
});
