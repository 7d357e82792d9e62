import { useEffect, useState } from "react";

import { useTask, useTaskClient, useTasks } from "./background";
import { ask, price, type DaySales } from "./server";

export function Admin() {
  return (
    <>
      <Sales />
      <Everybody />
    </>
  );
}

/** What was sold, and the schedule that adds it up each night. */
function Sales() {
  const client = useTaskClient();
  const [sales, setSales] = useState<readonly DaySales[]>([]);
  const [closing, setClosing] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const load = () => void ask<DaySales[]>("GET", "/sales").then(setSales, console.error);
  useEffect(load, []);
  useTask("CloseDayTask", closing, { onEnd: load });
  const close = () =>
    void client.api.runSchedule("close-day").then(
      (schedule) => setClosing(schedule.lastTask),
      (error: Error) => setProblem(error.message),
    );
  return (
    <section aria-label="Sales">
      <h2>Sales</h2>
      <p>Days are closed each night at three.</p>
      <button onClick={close}>Close yesterday now</button>
      {problem && <p role="alert">{problem}</p>}
      <table>
        <tbody>
          {sales.map((day) => (
            <tr key={day.day}>
              <td>{day.day}</td>
              <td>{day.orders} orders</td>
              <td>{price(day.cents)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The tasks of all customers; the dashboard has the rest. */
function Everybody() {
  const tasks = useTasks() ?? [];
  return (
    <section aria-label="Tasks">
      <h2>Tasks of everybody</h2>
      <p>
        <a href="/background-tasks/">Dashboard</a>
      </p>
      <ul>
        {tasks.slice(0, 20).map((task) => (
          <li key={task.id}>
            {task.owner ?? "the shop"} · {task.name} · {task.status}
          </li>
        ))}
      </ul>
    </section>
  );
}
