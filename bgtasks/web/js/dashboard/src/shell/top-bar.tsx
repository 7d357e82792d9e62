import { Link } from "../parts/link";
import { go } from "../state/location";
import { state } from "../state/live";
import { nextTheme, theme } from "../state/theme";
import { clockTime, relative, now, stoppedAt, zone, zoneName } from "../state/time";
import { forgetToken, token } from "../state/token";
import { areKeysOpen } from "./opening";
import { RangeMenu } from "./range-menu";
import { SearchBox } from "./search-box";

const STATES = {
  connecting: ["Connecting…", "The connection is being made."],
  connected: ["Live", "Every change is shown as it happens."],
  disconnected: ["Reconnecting…", "The connection is lost. The clocks of the page stand still."],
  away: ["Not live", "The server cannot read its tasks now; its log says why. The clocks of the page stand still."],
  refused: ["Not live", "The server refused the live connection."],
} as const;

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" } as const;

export function TopBar() {
  return (
    <header class="top">
      <Link to={{ page: "overview" }} class="brand">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect width="32" height="32" rx="8" class="mark" />
          <path d="M7 10h18M7 16h18M7 22h18" class="track" />
          <path d="M7 10h13M7 16h8M7 22h18" class="done" />
        </svg>
        <span>Background tasks</span>
      </Link>
      <SearchBox />
      <RangeMenu />
      <button
        class="quiet zone"
        type="button"
        title={`Times are in ${zoneName()}`}
        onClick={() => go({ zone: zone.peek() === "utc" ? "local" : "utc" }, true)}
      >
        <span class="visually-hidden">Time zone: </span>
        {zoneName()}
      </button>
      <ConnectionState />
      {token.value && (
        <button class="quiet" type="button" onClick={forgetToken}>
          Forget token
        </button>
      )}
      <button class="quiet theme" type="button" onClick={nextTheme}>
        <span class="visually-hidden">Theme: </span>
        <ThemeIcon />
        <span class="word">{THEMES[theme.value]}</span>
      </button>
      <button class="quiet help" type="button" aria-label="Keys" onClick={() => (areKeysOpen.value = true)}>
        ?
      </button>
    </header>
  );
}

/** One word for it, and since when nothing is heard. */
function ConnectionState() {
  const [word, meaning] = STATES[state.value];
  const at = stoppedAt.value;
  return (
    <p class={`connection ${state.value}`} role="status" title={meaning}>
      <i aria-hidden="true" />
      {word}
      {at !== null && (
        <span class="age" title={relative(new Date(at).toISOString(), now.value)}>
          {" "}
          as of {clockTime(at)}
        </span>
      )}
    </p>
  );
}

function ThemeIcon() {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" fill="currentColor" />
    </svg>
  );
}
