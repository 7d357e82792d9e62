import { Trouble } from "../parts/box";
import { Link } from "../parts/link";
import type { FailureGroup, Items } from "../state/answers";
import { filter, openGroup, range } from "../state/location";
import { rangeQuery } from "../state/range";
import { ask, useAnswer } from "../state/resource";
import { GroupPage } from "./group-page";
import { Groups } from "./groups";

export function FailuresPage() {
  const { types } = filter.value;
  const type = types.length === 1 ? types[0]! : null;
  const failures = useAnswer(JSON.stringify([range.value, type]), () => {
    const query = Object.entries(rangeQuery(range.peek()));
    return ask<Items<FailureGroup>>("/api/failures", type === null ? query : [...query, ["type", type]]);
  });
  const items = failures.data?.items ?? [];
  if (openGroup.value !== null) {
    const group = items.find(({ group }) => group === openGroup.value) ?? null;
    return <GroupPage key={openGroup.value} id={openGroup.value} group={group} answer={failures} />;
  }
  return (
    <>
      <div class="page-head">
        <h1>Failures</h1>
        {type !== null && (
          <p class="fine">
            of type <bdi>{type}</bdi>
          </p>
        )}
        <Link to={{ page: "tasks", filter: { ...filter.value, statuses: ["Failed"], view: null } }}>All failed tasks</Link>
      </div>
      {failures.data && <Groups items={items} />}
      <Trouble of={failures} what="failures" />
    </>
  );
}
