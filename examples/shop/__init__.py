"""A shop: FastAPI, SQLAlchemy, a login, owners, an admin, and a front end in React."""
