import { useState } from "react";

import { useTasks } from "./background";
import { ask } from "./server";

export function Invoices() {
  const [said, setSaid] = useState("");
  const invoices = useTasks({ types: ["SendInvoiceTask"] }) ?? [];
  const mailed = invoices.filter((task) => task.status === "Completed").length;
  const send = () =>
    void ask<{ accepted: number }>("POST", "/invoices").then(
      ({ accepted }) => setSaid(accepted ? "" : "All invoices were mailed before."),
      (error: Error) => setSaid(error.message),
    );
  return (
    <section aria-label="Invoices">
      <h2>Invoices</h2>
      <button onClick={send}>Mail my invoices</button>
      {said && <p role="alert">{said}</p>}
      {invoices.length > 0 && (
        <p>
          <progress max={invoices.length} value={mailed} aria-label="Invoices" />
          {mailed} of {invoices.length} mailed
        </p>
      )}
    </section>
  );
}
