import { announce } from "../parts/announce";
import { Trouble } from "../parts/box";
import type { Items, TypeRow } from "../state/answers";
import { mayNot } from "../state/me";
import { beat } from "../state/pulse";
import { ask, useAnswer } from "../state/resource";
import { client, reasonOf } from "../state/server";
import { TypeTable } from "./type-table";

export function TypesPage() {
  const types = useAnswer("types", () => ask<Items<TypeRow>>("/api/types"));
  return (
    <>
      <h1>Types</h1>
      {types.data && !types.data.items.length && (
        <section class="state">
          <h2>No types yet</h2>
          <p>
            A type is registered with its worker: <code>background_task(CopyTask, copy_worker)</code> in the
            container’s <code>tasks</code>. It appears here when the application has started.
          </p>
        </section>
      )}
      {types.data && types.data.items.length > 0 && <TypeTable items={types.data.items} actions={(type) => <Pausing type={type} />} />}
      <Trouble of={types} what="the types of tasks" />
    </>
  );
}

function Pausing({ type }: { type: TypeRow }) {
  if (mayNot("control")) return <span class="fine">Not allowed here</span>;
  if (type.pausedAt)
    return (
      <button type="button" class="small primary" onClick={() => void change("resume", type.name)}>
        Resume<span class="visually-hidden"> {type.name}</span>
      </button>
    );
  return (
    <form
      class="pausing"
      onSubmit={(event) => {
        event.preventDefault();
        const reason = String(new FormData(event.currentTarget).get("reason") ?? "").trim();
        void change("pause", type.name, reason || undefined);
      }}
    >
      <input name="reason" maxLength={200} placeholder="Reason" aria-label={`Why ${type.name} is paused`} />
      <button type="submit" class="small">
        Pause<span class="visually-hidden"> {type.name}</span>
      </button>
    </form>
  );
}

async function change(what: "pause" | "resume", name: string, reason?: string): Promise<void> {
  try {
    if (what === "pause") await client.peek().api.pause(name, reason);
    else await client.peek().api.resume(name);
    announce(what === "pause" ? `${name}: nothing of it starts any more.` : `${name}: it starts again.`);
    beat();
  } catch (error) {
    announce(`${name}: ${reasonOf(error)}.`);
  }
}
