"""An application for `INSTALLED_APPS`, `voice_notify.django`: `manage.py check` finds wrong settings and templates."""
