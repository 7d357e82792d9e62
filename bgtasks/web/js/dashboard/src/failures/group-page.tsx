/** One group of failures: when, of which arguments, owners and processes, why; and what to do. */
import { Panel, Trouble } from "../parts/box";
import { Link, TaskLink } from "../parts/link";
import { Since } from "../parts/moments";
import { Charts } from "../overview/charts";
import { useHistory } from "../overview/history";
import type { FailureGroup, WholeTask } from "../state/answers";
import { NO_FILTER, type Filter } from "../state/filter";
import { range } from "../state/location";
import { mayNot } from "../state/me";
import { ask, useAnswer, type Answer } from "../state/resource";
import { client } from "../state/server";
import { Traceback } from "../task/traceback";
import { askBulk } from "../tasks/bulk";
import { Facets } from "./facets";

const MOST = 5; // arguments by which the failures are told apart

export function GroupPage(props: { id: string; group: FailureGroup | null; answer: Answer<unknown> }) {
  const { id, group, answer } = props;
  return (
    <>
      <p class="back">
        <Link to={{ page: "failures" }}>
          <span aria-hidden="true">←</span> All failures
        </Link>
      </p>
      {group ? (
        <Known group={group} />
      ) : (
        <section class="state">
          <h1>No such failure in the range</h1>
          <p class="fine">
            <bdi>{id.slice(0, 200)}</bdi>
          </p>
          <Trouble of={answer} what="this failure" />
        </section>
      )}
    </>
  );
}

function Known({ group }: { group: FailureGroup }) {
  const sample = useAnswer(group.sampleTask, () => ask<WholeTask>(`/api/tasks/${encodeURIComponent(group.sampleTask)}`));
  const type = group.types.length === 1 ? group.types[0]! : undefined;
  const history = useHistory(range.value, type ?? null);
  const still: Filter = { ...NO_FILTER, statuses: ["Failed"], error: group.group };
  const paths = sample.data ? pathsOf(sample.data.arguments) : [];
  return (
    <>
      <header class="page-head">
        <div>
          <h1>
            <bdi>{group.errorType ?? "Error"}</bdi>
          </h1>
          <p class="error">
            <bdi>{group.sample.slice(0, 500)}</bdi>
          </p>
          <p class="fine">
            {group.frame && (
              <>
                at <bdi>{group.frame}</bdi>,{" "}
              </>
            )}
            <bdi>{group.types.join(", ")}</bdi>, first <Since iso={group.firstAt} />, last <Since iso={group.lastAt} />
          </p>
        </div>
        <div class="actions">
          <p>
            <b>{group.stillFailed.toLocaleString("en")}</b> still failed,{" "}
            {group.recovered.toLocaleString("en")} recovered
          </p>
          <button type="button" class="primary" disabled={!group.stillFailed} onClick={() => askBulk("retry", still)}>
            Retry these {group.stillFailed.toLocaleString("en")}
          </button>
          <Link to={{ page: "tasks", filter: still }}>Show these tasks</Link>
        </div>
      </header>
      <div class="facets">
        {paths.map((path) => (
          <Facets key={path} group={group.group} by={`args.${path}`} name={path} still={still} />
        ))}
        <Facets group={group.group} by="owner" name="Owner" still={still} />
        <Facets group={group.group} by="process" name="Process" still={still} />
      </div>
      {mayNot("arguments") && <p class="fine">By which arguments they differ is not allowed here.</p>}
      <Charts history={history} type={type} />
      <Newest task={group.sampleTask} />
    </>
  );
}

/** The names of the arguments that are plain values. */
function pathsOf(given: unknown): string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return [];
  return Object.entries(given)
    .filter(([name, value]) => name !== "id" && value !== null && typeof value !== "object")
    .map(([name]) => name)
    .slice(0, MOST);
}

function Newest({ task }: { task: string }) {
  const attempts = useAnswer(task, () => client.peek().api.attempts(task));
  const failed = attempts.data?.filter(({ error }) => error !== null).at(-1);
  return (
    <Panel id="newest" title="How it failed last" beside={<TaskLink to={task}>Its task</TaskLink>}>
      {failed?.traceback ? (
        <Traceback text={failed.traceback} label="Newest traceback" />
      ) : attempts.data ? (
        <p class="fine">Not allowed here, or none was kept.</p>
      ) : (
        <Trouble of={attempts} what="the traceback" />
      )}
    </Panel>
  );
}
