"""HTTP and Socket.IO for a manager's tasks: routes, hub and the policy that both ask."""
