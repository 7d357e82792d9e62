"""TypeScript declarations for the payloads of registered tasks."""
