import { useState, type FormEvent } from "react";

import { ask, type Me } from "./server";

export function LoginForm({ onLogin }: { onLogin: (me: Me) => void }) {
  const [problem, setProblem] = useState("");
  const logIn = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      onLogin(await ask<Me>("POST", "/login", Object.fromEntries(form)));
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <form onSubmit={logIn}>
      <h1>Shop</h1>
      <p>Log in as ada, bob or grace; the password is the name.</p>
      <label>
        Name <input name="name" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button>Log in</button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}
