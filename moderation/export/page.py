"""The page that exports what a change list shows."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from import_export.forms import ExportForm

from moderation.export.formats import SHEET_ROWS
from moderation.models import AuditEvent
from moderation.models.audit import EventKind
from moderation.templatetags.moderation_numbers import grouped

# Rows up to which the page says how many there are. Beyond them counting is slow, and no workbook
# holds them anyway.
COUNTED_ROWS = SHEET_ROWS - 1
# Parameters of a change list's address that say how it is shown, not what.
NO_FILTERS = (*IGNORED_PARAMS, PAGE_VAR, ERROR_FLAG, "_changelist_filters")


def export_page(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask for the format (GET), or send the file (POST).

    What the filters and the search in the address let through, limited to what the person may see.
    Raises PermissionDenied for who may not export.
    """
    if not model_admin.has_export_permission(request):
        raise PermissionDenied
    try:
        entries = model_admin.get_export_queryset(request)
    except IncorrectLookupParameters:
        return HttpResponseRedirect(_change_list_url(model_admin) + f"?{ERROR_FLAG}=1")
    counted = entries.order_by()[: COUNTED_ROWS + 1].count()
    rows = counted if counted <= COUNTED_ROWS else None
    formats = model_admin.get_export_formats()
    form = _form(model_admin, request, formats)
    if form.is_valid():
        file_format = formats[int(form.cleaned_data["format"])]()
        if rows is not None or file_format.row_limit is None:
            return _send(request, entries, file_format, rows)
        form.add_error("format", _too_many(file_format))
    return _ask(model_admin, request, form, rows)


def _form(model_admin: Any, request: HttpRequest, formats: Any) -> ExportForm:
    resources = model_admin.get_export_resource_classes(request)
    sent = request.POST if request.method == "POST" else None
    form = ExportForm(formats, resources, data=sent)
    form.fields["format"].initial = "0"
    form.fields["format"].choices = [
        (str(i), each().get_title().upper()) for i, each in enumerate(formats)
    ]
    return form


def _too_many(file_format: Any) -> str:
    return gettext(
        "%(format)s holds %(limit)s rows at most, and there are more. Choose CSV, "
        "or narrow the filters."
    ) % {"format": file_format.get_title().upper(), "limit": grouped(file_format.row_limit)}


def _ask(
    model_admin: Any, request: HttpRequest, form: ExportForm, rows: int | None
) -> HttpResponse:
    """Show the page with its form."""
    context = model_admin.init_request_context_data(request, form) | {
        "title": gettext("Export audit entries"),
        "rows": rows,
        "counted_rows": COUNTED_ROWS,
        "filtered": bool(filters_of(request) or request.GET.get(SEARCH_VAR)),
        "change_list_url": f"{_change_list_url(model_admin)}?{request.GET.urlencode()}",
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, model_admin.export_template_name, context)


def _change_list_url(model_admin: Any) -> str:
    opts = model_admin.opts
    return reverse(
        f"admin:{opts.app_label}_{opts.model_name}_changelist",
        current_app=model_admin.admin_site.name,
    )


def _send(
    request: HttpRequest,
    entries: QuerySet[Any],
    file_format: Any,
    rows: int | None,
) -> StreamingHttpResponse:
    """Note the export in the audit log, then stream the file."""
    AuditEvent.note(
        EventKind.EXPORT,
        actor=request.user,  # type: ignore[arg-type]  # who may export is no anonymous user
        details={
            "format": file_format.get_title(),
            "filters": filters_of(request),
            "search": request.GET.get(SEARCH_VAR, ""),
            "rows": rows,
        },
    )
    response = StreamingHttpResponse(
        file_format.chunks(entries), content_type=file_format.get_content_type()
    )
    day = timezone.now().strftime("%Y-%m-%d")
    name = f"audit-entries-{day}.{file_format.get_extension()}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def filters_of(request: HttpRequest) -> dict[str, str]:
    """Give the change list's filters that the address holds: {parameter: value}."""
    shown = {name: str(value) for name, value in request.GET.items() if value}
    return {name: value for name, value in shown.items() if name not in NO_FILTERS}
