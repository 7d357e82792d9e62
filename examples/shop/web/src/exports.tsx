import type { TaskOf } from "bgtasks-client";
import { useState } from "react";

import { useTask, useTasks } from "./background";
import { ask } from "./server";
import type { BackgroundTasks } from "./tasks";

type Export = TaskOf<BackgroundTasks, "ExportOrdersTask">;

export function Exports() {
  const [problem, setProblem] = useState("");
  const [newest, setNewest] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  // Toasts are for the export that was started here; the list below shows those of other tabs too.
  useTask("ExportOrdersTask", newest, { onEnd: (task) => setSaid(`${task.name}: ${task.status}`) });
  const exports = useTasks({ types: ["ExportOrdersTask"] });
  const start = () => {
    const year = new Date().getFullYear();
    ask<Export>("POST", "/exports", { year }).then(
      (task) => setNewest(task.id),
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <section aria-label="Exports">
      <h2>Exports</h2>
      <button onClick={start}>Export my orders</button>
      {problem && <p role="alert">{problem}</p>}
      {said && <p role="log">{said}</p>}
      <ul>{exports?.map((task) => <ExportLine key={task.id} id={task.id} />)}</ul>
    </section>
  );
}

function ExportLine({ id }: { id: string }) {
  const { task, cancel, retry } = useTask("ExportOrdersTask", id);
  if (!task) return null;
  const done = task.payload;
  return (
    <li>
      {task.name}: {task.status}
      {task.status === "Running" && (
        <>
          <progress max={100} value={task.progress} aria-label={task.name} />
          {done && `${done.rowsWritten} of ${done.rowsTotal}`}
        </>
      )}
      {task.status === "Completed" ? (
        <a href={`/api/exports/${id}/file`} download>
          Download ({task.result.rows} rows)
        </a>
      ) : task.status === "Failed" || task.status === "Cancelled" ? (
        <button onClick={() => void retry()}>Try again</button>
      ) : (
        <button disabled={task.cancelRequested} onClick={() => void cancel()}>
          Cancel
        </button>
      )}
    </li>
  );
}
