import { computed, effect } from "@preact/signals";
import { FailuresPage } from "./failures/failures-page";
import { OverviewPage } from "./overview/overview-page";
import { Announcement } from "./parts/announce";
import { ProcessesPage } from "./processes/processes-page";
import { SchedulesPage } from "./schedules/schedules-page";
import { KeysHelp } from "./shell/keys";
import { Navigation, PAGE_NAMES } from "./shell/navigation";
import { Palette } from "./shell/palette";
import { Refused } from "./shell/states";
import { TopBar } from "./shell/top-bar";
import { openTask, page } from "./state/location";
import { isRefused } from "./state/me";
import { opened } from "./task/opened";
import { TaskPage } from "./task/task-page";
import { BulkDialog } from "./tasks/bulk";
import { Confirmation } from "./tasks/confirm";
import { TasksPage } from "./tasks/tasks-page";
import { TypesPage } from "./types/types-page";

const title = computed(() => {
  if (isRefused.value) return "Background tasks";
  if (openTask.value) return `${opened.value?.name.slice(0, 80) ?? "Task"} · Background tasks`;
  return `${PAGE_NAMES[page.value]} · Background tasks`;
});
effect(() => {
  document.title = title.value;
});

const PAGES = {
  overview: OverviewPage,
  tasks: TasksPage,
  failures: FailuresPage,
  types: TypesPage,
  processes: ProcessesPage,
  schedules: SchedulesPage,
};

export function App() {
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
        Skip to the page
      </a>
      <TopBar />
      <Navigation />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <Confirmation />
      <BulkDialog />
      <Palette />
      <KeysHelp />
      <Announcement />
    </>
  );
}

function Page() {
  if (isRefused.value) return <Refused />;
  if (openTask.value) return <TaskPage key={openTask.value} id={openTask.value} />;
  const Shown = PAGES[page.value];
  return <Shown />;
}
