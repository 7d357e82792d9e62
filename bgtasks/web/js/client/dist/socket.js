const NAMESPACE = "/background-tasks";
/** Where `io` has to go for the application that is mounted at `url`. */
export function address(url) {
    const page = globalThis.location?.href;
    let mount;
    try {
        mount = new URL(url, page);
    }
    catch {
        throw new TypeError(`url is ${JSON.stringify(url)}; outside of a page it must be absolute`);
    }
    return {
        url: mount.origin + NAMESPACE,
        path: `${mount.pathname.replace(/\/+$/, "")}/socket.io`,
    };
}
