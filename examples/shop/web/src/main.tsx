import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { Admin } from "./admin";
import { TasksProvider } from "./background";
import { Exports } from "./exports";
import { Header } from "./header";
import { Invoices } from "./invoices";
import { LoginForm } from "./login";
import { Orders } from "./orders";
import { ask, type Me } from "./server";
import "./style.css";

function Shop() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  useEffect(() => {
    ask<Me>("GET", "/me").then(setMe, () => setMe(null));
  }, []);
  if (me === undefined) return null;
  if (me === null) return <LoginForm onLogin={setMe} />;
  const logOut = () => void ask("POST", "/logout").then(() => setMe(null));
  // The connection is made by whoever is logged in, and is closed with the logout.
  return (
    <TasksProvider key={me.name}>
      <Header me={me} onLogout={logOut} />
      {me.is_admin ? (
        <Admin />
      ) : (
        <>
          <Exports />
          <Invoices />
          <Orders />
        </>
      )}
    </TasksProvider>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Shop />
  </StrictMode>,
);
