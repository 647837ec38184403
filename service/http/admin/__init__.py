"""The admin pages: tables looked at and edited by whoever has a token of scope admin."""
