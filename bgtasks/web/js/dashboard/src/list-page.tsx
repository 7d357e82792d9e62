import { Charts } from "./charts";
import { Filters } from "./filters";
import { List } from "./list";
import { baseCoverage, coverage, more, readAll, reading, readingAll, rows, searchOn } from "./loader";
import { MAX_KEPT, searchPaused, stopReading, trouble } from "./loader";
import { isFiltered } from "./location";
import { Overview } from "./overview";
import { Selection } from "./selection";
import { NoMatch, NoTasks } from "./states";
import * as store from "./store";

export function ListPage() {
  store.membership.value;
  const nothing = store.size() === 0 && baseCoverage.value.complete && !isFiltered.value;
  return (
    <>
      <h1 class="visually-hidden">Background tasks</h1>
      <Overview />
      {nothing ? (
        <NoTasks />
      ) : (
        <>
          <Charts />
          <section aria-labelledby="tasks" class="tasks">
            <h2 id="tasks" class="visually-hidden">
              Tasks
            </h2>
            <Filters />
            <List />
            {rows.value.length === 0 && (
              <NoMatch isReading={reading.value && !coverage.value.complete} />
            )}
            <Footer />
          </section>
          <Selection />
        </>
      )}
    </>
  );
}

function Footer() {
  const { complete, loaded } = coverage.value;
  const shown = rows.value.length.toLocaleString("en");
  const noun = rows.value.length === 1 ? "task" : "tasks";
  const read = loaded.toLocaleString("en");
  if (trouble.value)
    return (
      <p class="foot">
        Reading on failed: {trouble.value}.{" "}
        <button type="button" class="link" onClick={() => void more()}>
          Try again
        </button>
      </p>
    );
  if (complete)
    return (
      <p class="foot">
        {isFiltered.value ? `${shown} ${noun} found. That is all.` : `All ${shown} ${noun}.`}
      </p>
    );
  if (store.size() >= MAX_KEPT)
    return (
      <p class="foot">
        {shown} {noun} shown. The page holds no more than {MAX_KEPT.toLocaleString("en")} tasks; filter
        by status, type or owner to reach older ones.
      </p>
    );
  if (searchPaused.value)
    return (
      <p class="foot">
        {shown} found among the newest {read} tasks.{" "}
        <button type="button" class="link" onClick={searchOn}>
          Search older tasks
        </button>
      </p>
    );
  return (
    <p class="foot">
      {shown} {noun} shown; {read} read so far, older ones follow as you scroll.{" "}
      {readingAll.value ? (
        <button type="button" class="link" onClick={stopReading}>
          Stop
        </button>
      ) : (
        <button type="button" class="link" onClick={readAll}>
          Read all
        </button>
      )}
    </p>
  );
}
