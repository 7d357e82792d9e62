/** What is shown where there are no tasks to show. */
import { NO_FILTER } from "../state/filter";
import { setFilter } from "../state/location";
import { tryAgain } from "../state/live";
import { whyRefused } from "../state/me";
import { setToken, token } from "../state/token";
import { load, trouble } from "../tasks/rows";

const FIRST_TASK = `from pathlib import Path

from attrs import frozen
from bgtasks import BackgroundTaskBase

@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    source: Path

manager = container.background_tasks().manager()
task_id = await manager.run_task(CopyTask(source=path))`;

export function Starting() {
  return (
    <section class="state" aria-busy="true">
      <p>Reading the tasks…</p>
    </section>
  );
}

export function Refused() {
  return (
    <section class="state">
      <h1>You may not see background tasks here</h1>
      {token.value && (
        <p role="alert">
          <b>The token was not accepted.</b> Perhaps its time is over.
        </p>
      )}
      <p>
        <b>If the application has a login:</b> log in there and come back; this page tries again.
      </p>
      <p>
        <b>If it wants a bearer token:</b> give one here. It goes to this application alone, and is
        forgotten with this tab.
      </p>
      <TokenForm />
      <p>
        <b>If it has none yet:</b> open this page on the server’s own machine, under{" "}
        <code>http://localhost</code> with the port that the server listens on, without a proxy or
        tunnel in between. From anywhere else nobody is let in.
      </p>
      <p>
        <b>If the application is yours:</b> its log has a warning of{" "}
        <code>bgtasks.web.refusal_log</code> that says what was compared, and why it was not enough.
        The page “Say who may see what” (<code>docs/how-to/access.md</code>) says what to change.
      </p>
      <p class="fine">The server says: {whyRefused.value}</p>
      <button type="button" class="primary" onClick={tryAgain}>
        Try again
      </button>
    </section>
  );
}

function TokenForm() {
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        const { value } = event.currentTarget.elements.namedItem("token") as HTMLInputElement;
        setToken(value);
        tryAgain();
      }}
    >
      <label class="field">
        <span>Token</span>
        <input
          name="token"
          type="password"
          required
          pattern="\s*([Bb]earer\s+)?[\x21-\x7E]+\s*"
          title="A token: letters, digits and signs, without a space"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <button type="submit">Use this token</button>
    </form>
  );
}

export function TasksFailed() {
  return (
    <section class="state">
      <h1>The tasks cannot be read</h1>
      <p>The page tries again as soon as the server answers.</p>
      <p class="fine">What went wrong: {trouble.value}</p>
      <button type="button" class="primary" onClick={() => void load()}>
        Try again
      </button>
    </section>
  );
}

export function NoTasks() {
  return (
    <section class="state">
      <h2>No tasks yet</h2>
      <p>Submit one from your application, and it appears here at once:</p>
      <pre class="code" tabIndex={0} role="region" aria-label="Example code">
        <code>{FIRST_TASK}</code>
      </pre>
      <p class="fine">
        <code>run_task</code> returns the id as soon as the task is stored. Its worker is
        registered with <code>background_task(CopyTask, copy_worker)</code>.
      </p>
    </section>
  );
}

export function NoMatch() {
  return (
    <section class="state">
      <h2>No task matches</h2>
      <p>Nothing among all tasks that you may see fits these filters.</p>
      <button type="button" onClick={() => setFilter(NO_FILTER)}>
        Clear the filters
      </button>
    </section>
  );
}
