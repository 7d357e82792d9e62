import { render } from "preact";
import { App } from "./app";
import { listenToKeys } from "./shell/keys";
import { start } from "./state/live";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/list.css";
import "./styles/pages.css";
import "./styles/task.css";

history.scrollRestoration = "manual";
render(<App />, document.getElementById("app")!);
listenToKeys();
start();
