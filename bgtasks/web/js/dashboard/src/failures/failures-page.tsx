import { Trouble } from "../parts/box";
import { Link } from "../parts/link";
import type { FailureGroup, Items } from "../state/answers";
import { NO_FILTER } from "../state/filter";
import { failureType, openGroup, range } from "../state/location";
import { rangeQuery, WITHIN } from "../state/range";
import { ask, useAnswer } from "../state/resource";
import { GroupPage } from "./group-page";
import { Groups } from "./groups";

export function FailuresPage() {
  const type = failureType.value;
  const failures = useAnswer(JSON.stringify([range.value, type]), () => {
    const query = Object.entries(rangeQuery(range.peek()));
    return ask<Items<FailureGroup>>("/api/failures", type === null ? query : [...query, ["type", type]]);
  });
  const items = failures.data?.items ?? [];
  if (openGroup.value !== null) {
    const group = items.find(({ group }) => group === openGroup.value) ?? null;
    return <GroupPage key={openGroup.value} id={openGroup.value} group={group} answer={failures} />;
  }
  const types = type === null ? [] : [type];
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Failures</h1>
          {type !== null && (
            <p class="fine">
              of type <bdi>{type}</bdi>. <Link to={{ page: "failures" }}>Of all types</Link>
            </p>
          )}
        </div>
        <Link to={{ page: "tasks", filter: { ...NO_FILTER, types, statuses: ["Failed"] } }}>All failed tasks</Link>
      </div>
      {items.length > 0 && <Groups items={items} type={type} />}
      {failures.data && !items.length && <NoFailures />}
      <Trouble of={failures} what="failures" />
    </>
  );
}

function NoFailures() {
  const so = range.value;
  return (
    <section class="state">
      <h2>No task failed in this time</h2>
      <p>
        {typeof so === "string" ? `${WITHIN[so][0]} brought no failure.` : "There was no failure between the two times."} Older
        ones are shown by a longer range.
      </p>
      {so !== "30d" && <Link to={{ page: "failures", range: "30d" }}>Look at the last 30 days</Link>}
    </section>
  );
}
