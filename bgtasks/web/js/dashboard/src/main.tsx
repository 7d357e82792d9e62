import { render } from "preact";
import { App } from "./app";
import { start } from "./live";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/overview.css";
import "./styles/list.css";
import "./styles/task.css";

history.scrollRestoration = "manual";
render(<App />, document.getElementById("app")!);
start();
