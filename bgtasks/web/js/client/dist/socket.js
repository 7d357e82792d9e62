/** Where the application is that is mounted at `url`; ends with a slash. */
export function mountPoint(url) {
    const page = globalThis.location?.href;
    let mount;
    try {
        mount = new URL(url, page);
    }
    catch {
        throw new TypeError(`url is ${JSON.stringify(url)}; outside of a page it must be absolute`);
    }
    return new URL(`${mount.pathname.replace(/\/+$/, "")}/`, mount);
}
