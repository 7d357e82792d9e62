import { useEffect } from "preact/hooks";
import { computed } from "@preact/signals";
import { Header } from "./header";
import { Confirmation } from "./confirm";
import { ListPage } from "./list-page";
import { phase } from "./loader";
import { openTask } from "./location";
import { opened } from "./opened";
import { Announcement } from "./announce";
import { Failed, Refused, Starting } from "./states";
import { counts } from "./store";
import { TaskPage } from "./task-page";

const title = computed(() => {
  if (openTask.value) return `${opened.value?.name.slice(0, 80) ?? "Task"} · Background tasks`;
  const running = counts.value.Running;
  return running ? `(${running}) Background tasks` : "Background tasks";
});

export function App() {
  useEffect(() => {
    document.title = title.value;
  }, [title.value]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the tasks
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <Confirmation />
      <Announcement />
    </>
  );
}

function Page() {
  if (phase.value === "refused") return <Refused />;
  if (phase.value === "failed") return <Failed />;
  if (openTask.value) return <TaskPage key={openTask.value} id={openTask.value} />;
  if (phase.value === "starting") return <Starting />;
  return <ListPage />;
}
