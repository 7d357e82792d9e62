// A page of React in a document of happy-dom: shows a task, in strict mode, over a true connection.
// Does what the lines on standard input say, and tells on standard output what happened.
import { createInterface } from "node:readline";

import { Window } from "happy-dom";

const window = new Window();
const globals = { window, document: window.document, navigator: window.navigator };
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
const { createElement: h, StrictMode, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { createHooks } = await import("bgtasks-client/react");
const { TasksProvider, useConnection, useTask, useTaskClient } = createHooks();

const tell = (event, data) => console.log(JSON.stringify({ event, ...data }));
let client;
let token;

function Shown({ id }) {
  client = useTaskClient();
  const { task } = useTask("GateTask", id, { onEnd: ({ status }) => tell("end", { status }) });
  const { state } = useConnection();
  useEffect(() => tell("task", { watch: "w", task: task ?? null }), [task]);
  useEffect(() => tell("connection", { client: "a", state, message: null }), [state]);
  return null;
}

const actions = {
  show({ id, url, token: given }) {
    token = given;
    const options = { url: `${url}/background-tasks`, retryDelay: 20 };
    if (given !== undefined) options.token = async () => token;
    const root = createRoot(document.createElement("div"));
    root.render(h(StrictMode, null, h(TasksProvider, { options }, h(Shown, { id }))));
  },
  token: ({ token: given }) => (token = given),
  reconnect: () => client.reconnect(),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { do: action, ...given } = JSON.parse(line);
  actions[action](given);
});
