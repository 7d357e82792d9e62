"""The routes of the shop. What they need is injected; the container is wired to this module."""

from datetime import date
from typing import Annotated
from uuid import UUID

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.requests import Request

from bgtasks import BackgroundTaskInfo, BackgroundTaskManager, BackgroundTaskStatus
from examples.shop.accounts import Accounts, ShopUser
from examples.shop.containers import Application
from examples.shop.exports import ExportFiles
from examples.shop.orders import Orders
from examples.shop.tasks import ExportOrdersTask, ExportProgress, ExportReport, SendInvoiceTask

router = APIRouter(prefix="/api")


def current_user(request: Request) -> ShopUser:
    """Whoever is logged in."""
    if not isinstance(request.user, ShopUser):
        raise HTTPException(401, "log in first")
    return request.user


def current_admin(user: Annotated[ShopUser, Depends(current_user)]) -> ShopUser:
    """The same, if they run the shop."""
    if not user.is_admin:
        raise HTTPException(403, "only for who runs the shop")
    return user


User = Annotated[ShopUser, Depends(current_user)]
Admin = Annotated[ShopUser, Depends(current_admin)]
Manager = Annotated[BackgroundTaskManager, Depends(Provide[Application.background_tasks.manager])]
TheOrders = Annotated[Orders, Depends(Provide[Application.orders])]


class Login(BaseModel):
    name: str = Field(max_length=100)
    password: str = Field(max_length=100)


class Me(BaseModel):
    name: str
    is_admin: bool


class OrderLine(BaseModel, from_attributes=True):
    id: int
    product: str
    cents: int
    ordered_on: date


class DaySalesLine(BaseModel, from_attributes=True):
    day: date
    orders: int
    cents: int


class ExportRequest(BaseModel):
    year: int = Field(ge=2000, le=2100)


class Accepted(BaseModel):
    accepted: int


@router.post("/login")
@inject
async def log_in(
    login: Login,
    request: Request,
    accounts: Annotated[Accounts, Depends(Provide[Application.accounts])],
) -> Me:
    """Remember in the session's cookie who gave the right password."""
    user = await accounts.check(login.name, login.password)
    if user is None:
        raise HTTPException(401, "wrong name or password")
    request.session["user"] = user.name
    return Me(name=user.name, is_admin=user.is_admin)


@router.post("/logout", status_code=204)
async def log_out(request: Request) -> None:
    """Forget it."""
    request.session.clear()


@router.get("/me")
async def me(user: User) -> Me:
    """Who is logged in."""
    return Me(name=user.name, is_admin=user.is_admin)


@router.get("/orders")
@inject
async def my_orders(user: User, orders: TheOrders) -> list[OrderLine]:
    """The newest orders of whoever asks."""
    return [OrderLine.model_validate(order) for order in await orders.of(user.name)]


@router.post("/exports", status_code=202)
@inject
async def start_export(
    wanted: ExportRequest, user: User, manager: Manager
) -> BackgroundTaskInfo[ExportProgress, ExportReport]:
    """An export of the user's orders: a new one, or the one that is being made."""
    task = ExportOrdersTask(customer=user.name, year=wanted.year)
    return (await manager.submit(task, owner=user.name)).info


@router.get("/exports/{task_id}/file")
@inject
async def export_file(
    task_id: UUID,
    user: User,
    manager: Manager,
    files: Annotated[ExportFiles, Depends(Provide[Application.export_files])],
) -> FileResponse:
    """The file that an export made, for whose export it was."""
    info = await manager.try_get_task(task_id)
    is_theirs = info is not None and (info.owner == user.name or user.is_admin)
    if info is None or not is_theirs or info.status is not BackgroundTaskStatus.COMPLETED:
        raise HTTPException(404, "there is no such file")
    return FileResponse(files.of(task_id), media_type="text/csv", filename="orders.csv")


@router.post("/invoices", status_code=202)
@inject
async def send_invoices(user: User, manager: Manager, orders: TheOrders) -> Accepted:
    """Mail all invoices of the user that were not mailed yet."""
    waiting = [SendInvoiceTask(order=number) for number in await orders.without_invoice(user.name)]
    await manager.run_tasks(waiting, owner=user.name)
    return Accepted(accepted=len(waiting))


@router.get("/sales")
@inject
async def sales(_admin: Admin, orders: TheOrders) -> list[DaySalesLine]:
    """What was sold on the days that are closed."""
    return [DaySalesLine.model_validate(day) for day in await orders.sales()]
