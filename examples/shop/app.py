"""The web application: FastAPI, with the background tasks mounted beside its routes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from examples.shop import routes
from examples.shop.accounts import SessionLogin
from examples.shop.containers import Application
from examples.shop.sample import fill

PAGE = Path(__file__).parent / "static"


def create_app(container: Application) -> FastAPI:
    """The application around ``container``, whose ``config`` is set."""
    container.wire(modules=[routes])
    tasks = container.background_tasks()
    app = FastAPI(title="Shop", lifespan=lifespan_of(container))
    app.include_router(routes.router)
    app.mount("/background-tasks", tasks.asgi_app())
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    # The last one is the outermost: it reads the cookie before anybody asks who the user is.
    # "strict" keeps other sites from sending it at all; over https add https_only=True.
    app.add_middleware(AuthenticationMiddleware, backend=SessionLogin(container.accounts()))
    app.add_middleware(
        SessionMiddleware, secret_key=container.config.session_secret(), same_site="strict"
    )
    return app


def lifespan_of(container: Application) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What the application opens goes around the manager, which stops first."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await fill(container.database())
        async with container.background_tasks().lifespan()(app):
            yield

    return lifespan
