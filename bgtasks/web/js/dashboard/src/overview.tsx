/** How many tasks are in which status; each number is also a filter. */
import type { TaskStatus } from "bgtasks-client";
import { STATUSES } from "bgtasks-client/protocol";
import { StatusIcon } from "./badge";
import { baseCoverage, isExact, readAll, reading, readingAll, stopReading } from "./loader";
import { filter, setFilter } from "./location";
import { counts } from "./store";

export function Overview() {
  return (
    <section aria-labelledby="overview">
      <h2 id="overview" class="visually-hidden">
        Tasks by status
      </h2>
      <ul class="tiles">
        {STATUSES.map((status) => (
          <Tile key={status} status={status} />
        ))}
      </ul>
      <Coverage />
    </section>
  );
}

function Tile({ status }: { status: TaskStatus }) {
  const chosen = filter.value.statuses;
  const isChosen = chosen.includes(status);
  const count = counts.value[status];
  const exact = isExact(status);
  const toggle = () =>
    setFilter({ statuses: STATUSES.filter((s) => (s === status ? !isChosen : chosen.includes(s))) });
  return (
    <li>
      <button type="button" class={`tile ${status}`} aria-pressed={isChosen} onClick={toggle}>
        <span class="word">
          <StatusIcon status={status} />
          {status}
        </span>
        <span class="count">
          {count.toLocaleString("en")}
          {!exact && (
            <>
              <span aria-hidden="true">+</span>
              <span class="visually-hidden"> or more</span>
            </>
          )}
        </span>
      </button>
    </li>
  );
}

function Coverage() {
  const { complete, loaded } = baseCoverage.value;
  if (complete || !loaded) return null;
  return (
    <p class="fine coverage">
      “+” counts the newest {loaded.toLocaleString("en")} tasks; older ones have not been read.{" "}
      {readingAll.value ? (
        <button type="button" class="link" onClick={stopReading}>
          Stop reading
        </button>
      ) : (
        <button type="button" class="link" onClick={readAll} disabled={reading.value}>
          Read all
        </button>
      )}
    </p>
  );
}
