from django.contrib import admin

from samples.models import Order, Payment


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("number", "placed_at", "status", "customer", "product", "quantity", "total")
    list_filter = ("status", "country")
    search_fields = ("customer", "email", "sku")
    show_full_result_count = False  # a second count(*) of a table that may hold a million rows


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):
    list_display = ("order", "amount", "receipt")
    list_select_related = ("order",)
    raw_id_fields = ("order",)
