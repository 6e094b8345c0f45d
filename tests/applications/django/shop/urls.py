"""Where the shop's pages are."""

from django.urls import path

from shop import views

urlpatterns = [
    path("order/<str:mobile>", views.order),
    path("failing-order/<str:mobile>", views.failing_order),
    path("wrong-order", views.order_with_a_wrong_number),
    path("reminder-after-a-task/<str:mobile>", views.reminder_after_a_task),
    path("reminder/<str:mobile>", views.reminder),
]
