// The page. Whatever comes from the server goes into the document as text, never as HTML.
import { connect, isFinal } from "/background-tasks/client/dist/browser.js";
import { clock, size, span, speed } from "/static/units.js";

const LIBRARY_MS = 500;
const KINDS = { audio: "♪", image: "▣", video: "▶" };

const byId = (id) => document.getElementById(id);
const client = connect();

// Not `disabled`: a disabled button loses the keyboard's focus.
const isBusy = (button) => button.getAttribute("aria-disabled") === "true";
const setBusy = (button, busy) => button.setAttribute("aria-disabled", busy);

// ---- Tasks: the whole list at every change ------------------------------------------------

const tasks = new Map(); // id -> { task, parts }

client.watchAll({}, (all) => {
  for (const task of all) {
    // What has not changed is the same object.
    if (tasks.get(task.id)?.task !== task) update(task);
  }
});

function update(task) {
  const known = tasks.get(task.id);
  const parts = known?.parts ?? addTask(task);
  tasks.set(task.id, { task, parts });
  showTask(task, parts);
  if (known && known.task.status !== task.status && isFinal(task)) {
    byId("announcer").textContent = `${task.name}: ${task.status}`;
  }
  if (task.type === "MetadataScanTask" && known) refreshLibrary();
}

function addTask(task) {
  const item = byId("task-template").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  const parts = {
    item,
    name: part(".name"),
    badge: part(".badge"),
    progress: part("progress"),
    percent: part(".percent"),
    message: part(".message"),
    facts: part(".facts"),
    error: part(".error"),
    cancel: part(".cancel"),
    retry: part(".retry"),
  };
  item.dataset.id = task.id;
  item.dataset.createdAt = task.createdAt;
  parts.cancel.addEventListener("click", () => ask("cancel", task.id));
  parts.retry.addEventListener("click", () => ask("retry", task.id));
  const list = byId("tasks");
  const older = [...list.children].find((other) => other.dataset.createdAt < task.createdAt);
  list.insertBefore(item, older ?? null);
  byId("no-tasks").hidden = true;
  return parts;
}

function showTask(task, parts) {
  const final = isFinal(task);
  const focused = document.activeElement === parts.cancel;
  parts.item.dataset.status = task.status;
  parts.name.textContent = task.name;
  parts.badge.textContent = task.status;
  parts.progress.value = task.progress;
  parts.progress.setAttribute("aria-label", `Progress of ${task.name}`);
  parts.percent.textContent = `${Math.floor(task.progress)} %`;
  parts.message.textContent = message(task);
  parts.facts.textContent = facts(task).filter(Boolean).join(" · ");
  showError(parts.error, task.errorMessage);
  parts.cancel.hidden = final;
  setBusy(parts.cancel, task.cancelRequested);
  parts.cancel.setAttribute("aria-label", `Cancel ${task.name}`);
  parts.retry.hidden = task.status !== "Failed" && task.status !== "Cancelled";
  setBusy(parts.retry, false);
  parts.retry.setAttribute("aria-label", `Run ${task.name} again`);
  // The button under the keyboard's focus has just gone: hand the focus on.
  if (focused && final && !parts.retry.hidden) parts.retry.focus();
}

function message(task) {
  // What it was doing when it was cancelled is no longer true.
  if (task.status === "Cancelled") return "";
  return task.cancelRequested && task.status === "Running" ? "Cancelling" : task.statusMessage;
}

function facts(task) {
  const describe = { CopyOperationTask: copyFacts, MetadataScanTask: scanFacts }[task.type];
  return [
    ...(describe && task.payload ? describe(task.payload, task) : []),
    task.attempt > 1 && `attempt ${task.attempt}`,
    task.startedAt && task.completedAt &&
      `took ${span((new Date(task.completedAt) - new Date(task.startedAt)) / 1000)}`,
  ];
}

function copyFacts(copy, task) {
  const running = task.status === "Running";
  return [
    `${size(copy.copiedBytes)} of ${size(copy.totalBytes)}`,
    copy.totalFiles !== 1 && `${copy.copiedFiles} of ${copy.totalFiles} files`,
    copy.bytesPerSecond !== null && task.status !== "Cancelled" && speed(copy.bytesPerSecond),
    running && copy.remainingSeconds !== null && `${span(copy.remainingSeconds)} left`,
  ];
}

function scanFacts(scan, task) {
  return [
    `${scan.filesSeen} of ${scan.filesTotal} files`,
    task.status === "Running" && scan.failed > 0 && `${scan.failed} unreadable`,
    size(scan.bytes),
    scan.totalDurationSeconds > 0 && `${clock(scan.totalDurationSeconds)} of playing time`,
  ];
}

async function ask(action, id) {
  const { parts } = tasks.get(id);
  const button = parts[action];
  if (isBusy(button)) return;
  setBusy(button, true);
  try {
    await client[action](id);
    showError(parts.error, tasks.get(id).task.errorMessage);
  } catch (error) {
    setBusy(button, false);
    showError(parts.error, `${button.textContent} did not work: ${error.message}`);
  }
}

function showError(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

// ---- The connection -----------------------------------------------------------------------

client.onConnection(({ state, message }) => {
  const shown = {
    connecting: ["waiting", "Connecting"],
    connected: ["live", "Live"],
    disconnected: ["lost", "Reconnecting"],
    refused: ["lost", `Refused: ${message}`],
  };
  [byId("connection").dataset.state, byId("connection").textContent] = shown[state];
  if (state === "connected") refreshLibrary();
});

// ---- The forms ----------------------------------------------------------------------------

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

async function send(form) {
  const button = form.querySelector("button");
  if (isBusy(button)) return;
  setBusy(button, true);
  showProblem(form, null);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    if (!answer.ok) showProblem(form, await answer.json());
    else if (form.id === "copy") await suggestDestination();
  } catch {
    showProblem(form, { detail: "The server does not answer." });
  } finally {
    setBusy(button, false);
  }
}

function showProblem(form, problem) {
  showError(form.querySelector(".error"), problem?.detail);
  for (const input of form.querySelectorAll("input")) {
    const wrong = problem?.field === input.name;
    input.setAttribute("aria-invalid", wrong);
    if (wrong) input.focus();
  }
}

const { source, destination } = byId("copy").elements;

async function suggestions(query = "") {
  const answer = await fetch(`/suggestions${query}`);
  return answer.json();
}

async function suggestDestination() {
  const before = destination.value;
  const query = new URLSearchParams({ source: source.value });
  const suggested = (await suggestions(`?${query}`)).destination;
  // Somebody may have begun to type meanwhile.
  if (destination.value !== before) return;
  // Whoever begins now, in a field that Tab has selected, still replaces the whole of it.
  destination.setRangeText(suggested, 0, before.length, "preserve");
  destination.defaultValue = suggested;
}

// A destination of one's own is kept; what was only suggested follows the source.
source.addEventListener("change", () => {
  if (destination.value === destination.defaultValue) suggestDestination();
});

async function fillForms() {
  const first = await suggestions();
  // Somebody may have begun to type meanwhile.
  byId("scan").elements.folder.value ||= first.folder;
  source.value ||= first.source;
  destination.defaultValue = first.destination;
  destination.value ||= first.destination;
  if (first.copyBytesPerSecond === null) return;
  byId("pace").hidden = false;
  byId("pace").textContent =
    `Slowed down so that there is something to watch: ${first.scanPause * 1000} ms a file, ` +
    `copies at ${speed(first.copyBytesPerSecond)}. Start with --no-slow for full speed.`;
}

fillForms();

// ---- The library --------------------------------------------------------------------------

let libraryTimer = null;

// A scan reports several times a second; the table is fetched less often, and once at the end.
function refreshLibrary() {
  libraryTimer ??= setTimeout(async () => {
    libraryTimer = null;
    const answer = await fetch("/library").catch(() => null);
    if (answer?.ok) showLibrary(await answer.json());
  }, LIBRARY_MS);
}

function showLibrary(library) {
  byId("no-files").hidden = library.total > 0;
  byId("library-summary").textContent = library.total
    ? `${library.total} files · ${size(library.bytes)} · ` +
      `${clock(library.durationSeconds)} of playing time`
    : "";
  byId("library").tBodies[0].replaceChildren(...library.items.map(fileRow));
}

function fileRow(file) {
  const row = byId("file-template").content.firstElementChild.cloneNode(true);
  const put = (name, text) => (row.querySelector(name).textContent = text ?? "");
  const name = file.path.split(/[/\\]/).at(-1);
  row.dataset.kind = file.kind;
  row.toggleAttribute("data-broken", file.error !== null);
  row.title = file.path;
  put(".kind", file.error === null ? KINDS[file.kind] : "!");
  put(".title", file.title ?? name);
  put(".path", file.title ? name : "");
  put(".artist", file.artist);
  put(".album", file.album ?? file.camera);
  put(".format-name", file.error ?? file.format);
  put(".extent", file.width ? `${file.width} × ${file.height}` : "");
  put(".length", file.durationSeconds === null ? "" : clock(file.durationSeconds));
  put(".size", size(file.size));
  return row;
}
