import { TaskLink } from "./link";
import { state } from "./live";
import { nextTheme, theme } from "./theme";
import { forgetToken, token } from "./token";

const STATES = {
  connecting: ["Connecting…", "The connection is being made."],
  connected: ["Live", "Every change is shown as it happens."],
  disconnected: ["Reconnecting…", "The connection is lost. What you see may be old."],
  refused: ["Not live", "The server refused the live connection."],
} as const;

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" } as const;

export function Header() {
  const [word, meaning] = STATES[state.value];
  return (
    <header class="top">
      <div class="inner">
        <TaskLink to={null} class="brand">
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <rect width="32" height="32" rx="8" class="mark" />
            <path d="M7 10h18M7 16h18M7 22h18" class="track" />
            <path d="M7 10h13M7 16h8M7 22h18" class="done" />
          </svg>
          <span>Background tasks</span>
        </TaskLink>
        <p class={`connection ${state.value}`} role="status" title={meaning}>
          <i aria-hidden="true" />
          {word}
        </p>
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
      </div>
    </header>
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
