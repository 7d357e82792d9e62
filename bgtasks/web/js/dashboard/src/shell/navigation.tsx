/** The pages: at the left, on phones at the bottom. */
import { Link } from "../parts/link";
import { page, PAGES, type Page } from "../state/location";

export const PAGE_NAMES: Record<Page, string> = {
  overview: "Overview",
  tasks: "Tasks",
  failures: "Failures",
  types: "Types",
  processes: "Processes",
  schedules: "Schedules",
};

const SHAPES: Record<Page, string> = {
  overview: "M2 13h3V8H2zM6.5 13h3V3h-3zM11 13h3V6h-3z",
  tasks: "M2 4h12M2 8h12M2 12h8",
  failures: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.4v.2",
  types: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z",
  processes: "M4.5 4.5h7v7h-7zM6 2v2.5M10 2v2.5M6 11.5v2.5M10 11.5v2.5M2 6h2.5M2 10h2.5M11.5 6h2.5M11.5 10h2.5",
  schedules: "M8 1.8a6.2 6.2 0 1 0 .01 0M8 4.5v3.8l2.5 1.6",
};

export function Navigation() {
  return (
    <nav class="pages" aria-label="Pages">
      {PAGES.map((name) => (
        <Link key={name} to={{ page: name }} current={page.value === name}>
          <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
            <path d={SHAPES[name]} />
          </svg>
          <span>{PAGE_NAMES[name]}</span>
        </Link>
      ))}
    </nav>
  );
}
